/** Adds to dist/ the types of `fargauge/cdk`: dist/cdk.d.cts. Only the npm package needs them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

execFileSync(join(root, 'node_modules/.bin/tsc'), ['--project', 'tsconfig.cdk.json'], {
  cwd: root,
  stdio: 'inherit',
});
const types = readFileSync(join(root, 'node_modules/.cache/types/cdk/fargauge-extension.d.ts'), 'utf8');
// The one file must stand alone.
const [own] = types.match(/from '\.[^']*'/) ?? [];
if (own !== undefined) throw new Error(`the types of fargauge/cdk import another file of ours: ${own}`);
writeFileSync(join(root, 'dist/cdk.d.cts'), types);
