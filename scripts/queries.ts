/**
 * Writes what is made of deploy/queries: `npm run queries`; a test compares them. The page's example rows are those that
 * `npm run golden` writes. The Terraform modules have copies of
 * their own, because a module may be used without the folders around it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboardBody } from './queries/dashboard.ts';
import { withQueries } from './queries/page.ts';
import { SAVED_QUERIES } from './queries/saved-queries.ts';
import { dashboardTemplate, queriesTemplate } from './queries/templates.ts';

const DEPLOY = join(import.meta.dirname, '../deploy');
const PAGE = join(import.meta.dirname, '../docs/queries.md');

/** Their texts by path. */
export const GENERATED_FILES: ReadonlyMap<string, string> = new Map([
  [PAGE, withQueries(readFileSync(PAGE, 'utf8'))],
  [join(DEPLOY, 'cloudformation/queries.yaml'), queriesTemplate()],
  [join(DEPLOY, 'cloudformation/dashboard.yaml'), dashboardTemplate()],
  [join(DEPLOY, 'terraform/dashboard/dashboard.json'), `${dashboardBody()}\n`],
  ...SAVED_QUERIES.map(
    ({ name, text }) => [join(DEPLOY, `terraform/queries/${name}.logs-insights`), text] as const,
  ),
]);

if (import.meta.main) for (const [path, text] of GENERATED_FILES) writeFileSync(path, text);
