/** Writes the generated tables of the README, docs/fields.md and docs/slack.md: `npm run docs`. Tests compare them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VARIABLES } from '../src/config.ts';
import { REPORT_FIELDS } from '../src/core/fields.ts';
import { NOTIFIER_VARIABLES } from '../src/notifier/settings.ts';
import type { Variable } from '../src/variables.ts';
import { replaceBlock } from './replace-block.ts';

export const README = join(import.meta.dirname, '../README.md');
export const FIELDS_PAGE = join(import.meta.dirname, '../docs/fields.md');
export const SLACK_PAGE = join(import.meta.dirname, '../docs/slack.md');

/** The README with its tables made anew. */
export function withTables(readme: string): string {
  const withVariables = replaceBlock(readme, 'variables', 'npm run docs', variablesTable(VARIABLES));
  return replaceBlock(withVariables, 'fields', 'npm run docs', mainFieldsTable());
}

/** The page about the fields with its table made anew. */
export function withFieldsTable(page: string): string {
  return replaceBlock(page, 'fields', 'npm run docs', fieldsTable());
}

/** The page about Slack with its table made anew. */
export function withNotifierTable(page: string): string {
  return replaceBlock(page, 'variables', 'npm run docs', variablesTable(NOTIFIER_VARIABLES));
}

function variablesTable(variables: Readonly<Record<string, Variable<unknown>>>): string {
  const rows = Object.values(variables).map(
    ({ name, defaultText, allowed, help }) =>
      `| \`${name}\` | ${defaultText === '' ? '–' : `\`${defaultText}\``} | ${help} Allowed: ${allowed}. |`,
  );
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** The README's few, in its order. */
const MAIN_FIELDS = [
  'job',
  'taskId',
  'status',
  'exitCode',
  'errorType',
  'durationMs',
  'billedDurationMs',
  'cpuSizeUnits',
  'memorySizeMB',
  'cpuTimeMs',
  'avgCpuPercent',
  'maxCpuPercent',
  'maxMemoryUsedMB',
  'maxMemoryUtilizationPercent',
  'coveragePercent',
  'unseenTailMs',
  'recommendedCpuUnits',
  'recommendedMemoryMB',
] as const;

function mainFieldsTable(): string {
  const helps = new Map(REPORT_FIELDS.map(({ name, help }): [string, string] => [name, help]));
  const rows = MAIN_FIELDS.map((name) => {
    const help = helps.get(name);
    if (help === undefined) throw new Error(`there is no field ${name}`);
    return `| \`${name}\` | ${help} |`;
  });
  return ['| field | meaning |', '|---|---|', ...rows].join('\n');
}

function fieldsTable(): string {
  const rows = REPORT_FIELDS.map(({ name, kind, unit, lines, help, from }) => {
    const type = unit === '' || kind === 'percent' ? kind : `${kind}, ${unit}`;
    return `| \`${name}\` | ${type} | ${lines.length === 6 ? 'all' : lines.join(' ')} | ${help} | ${from} |`;
  });
  return ['| field | type | lines | meaning | from |', '|---|---|---|---|---|', ...rows].join('\n');
}

if (import.meta.main) {
  writeFileSync(README, withTables(readFileSync(README, 'utf8')));
  writeFileSync(FIELDS_PAGE, withFieldsTable(readFileSync(FIELDS_PAGE, 'utf8')));
  writeFileSync(SLACK_PAGE, withNotifierTable(readFileSync(SLACK_PAGE, 'utf8')));
}
