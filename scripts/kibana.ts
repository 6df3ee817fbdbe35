/**
 * Writes what OpenSearch, Elasticsearch and their dashboards are set up with, out of the table of fields:
 * `npm run kibana`; a test compares them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexTemplate } from '../src/subscription/index-template.ts';

const DEPLOY = join(import.meta.dirname, '../deploy');

/** Their texts by path. */
export const KIBANA_FILES: ReadonlyMap<string, string> = new Map([
  [join(DEPLOY, 'opensearch/index-template.json'), `${JSON.stringify(indexTemplate(), null, 2)}\n`],
]);

if (import.meta.main) for (const [path, text] of KIBANA_FILES) writeFileSync(path, text);
