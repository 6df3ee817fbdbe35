/** Writes the README's generated tables: `npm run docs`. A test compares them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VARIABLES } from '../src/config.ts';
import { REPORT_FIELDS } from '../src/core/fields.ts';
import { replaceBlock } from './replace-block.ts';

export const README = join(import.meta.dirname, '../README.md');

/** The README with its tables made anew. */
export function withTables(readme: string): string {
  const withVariables = replaceBlock(readme, 'variables', 'npm run docs', variablesTable());
  return replaceBlock(withVariables, 'fields', 'npm run docs', fieldsTable());
}

function variablesTable(): string {
  const rows = Object.values(VARIABLES).map(
    ({ name, defaultText, allowed, help }) =>
      `| \`${name}\` | ${defaultText === '' ? '–' : `\`${defaultText}\``} | ${help} Allowed: ${allowed}. |`,
  );
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

function fieldsTable(): string {
  const rows = REPORT_FIELDS.map(({ name, kind, unit, lines, help, from }) => {
    const type = unit === '' || kind === 'percent' ? kind : `${kind}, ${unit}`;
    return `| \`${name}\` | ${type} | ${lines.length === 6 ? 'all' : lines.join(' ')} | ${help} | ${from} |`;
  });
  return ['| field | type | lines | meaning | from |', '|---|---|---|---|---|', ...rows].join('\n');
}

if (import.meta.main) writeFileSync(README, withTables(readFileSync(README, 'utf8')));
