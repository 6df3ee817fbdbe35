import { indexNameOf } from '../../src/subscription/index-name.ts';
import { indexTemplate } from '../../src/subscription/index-template.ts';
import { documentOf } from './day-truth.ts';
import { askEngine } from './search-engines.ts';

const LINES_PER_REQUEST = 5_000;

/**
 * Puts lines into indices of their own under the index template, a day each, by nothing but `_bulk`; refreshed.
 * @param prefix in place of `fargauge-`
 * @returns the pattern of their names
 */
export async function loadLines(
  engine: { readonly url: string },
  prefix: string,
  lines: readonly string[],
): Promise<string> {
  const pattern = `${prefix}*`;
  const template = { ...indexTemplate(), index_patterns: [pattern] };
  const { status } = await askEngine(engine, 'PUT', `/_index_template/${prefix}template`, template);
  if (status !== 200) throw new Error(`the template is refused: ${status}`);
  for (let from = 0; from < lines.length; from += LINES_PER_REQUEST) {
    const body = lines.slice(from, from + LINES_PER_REQUEST).map((line) => bulkItem(prefix, line));
    const answer = await askEngine<{ errors: boolean }>(engine, 'POST', '/_bulk', body.join(''));
    if (answer.status !== 200 || answer.body.errors) throw new Error(JSON.stringify(answer).slice(0, 1_000));
  }
  await askEngine(engine, 'POST', `/${pattern}/_refresh`);
  return pattern;
}

function bulkItem(prefix: string, line: string): string {
  const { taskId, seq, time } = documentOf(line);
  const index = indexNameOf(Date.parse(time), prefix);
  return `${JSON.stringify({ create: { _index: index, _id: `${taskId}-${seq}` } })}\n${line}\n`;
}
