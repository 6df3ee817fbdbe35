import { readFileSync } from 'node:fs';
import { expectedPath, TWO_WEEKS } from '../../test/insights/expected-rows.ts';
import { replaceBlock } from '../replace-block.ts';
import { SAVED_QUERIES, type SavedQuery } from './saved-queries.ts';

const SHOWN_ROW_COUNT = 4;

/** docs/queries.md with its sections made anew: each query, and rows that the tests hold. */
export function withQueries(page: string): string {
  return replaceBlock(page, 'queries', 'npm run queries', SAVED_QUERIES.map(section).join('\n').trimEnd());
}

function section(query: SavedQuery): string {
  return `## ${query.name}

**${query.question}** ${query.reading}

*Limits*: ${query.limits}

\`\`\`text
${query.body}
\`\`\`

\`\`\`text
${exampleRows(query)}
\`\`\`
`;
}

function exampleRows(query: SavedQuery): string {
  const [head = '', ...rows] = readFileSync(expectedPath(TWO_WEEKS, query), 'utf8').trimEnd().split('\n');
  const hidden = rows.length - SHOWN_ROW_COUNT;
  const shown = [head, ...rows.slice(0, SHOWN_ROW_COUNT)];
  return [...shown, ...(hidden > 0 ? [`… and ${hidden} more`] : [])].join('\n');
}
