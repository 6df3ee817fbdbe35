import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Template } from '../deploy/cloudformation-template.ts';
import { blocksOf, ROOT } from './pages.ts';

/** The template that the program of cdk.md makes. */
export function synthesiseExample(): Template {
  // A program in a folder of the repository's resolves fargauge/cdk as a user's would.
  const folder = join(ROOT, '.vitest', `cdk-example-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, 'app.ts'), blocksOf('cdk.md', 'ts').join('\n'));
    execFileSync(process.execPath, [join(folder, 'app.ts')], {
      env: { ...process.env, CDK_OUTDIR: join(folder, 'out') },
    });
    return JSON.parse(readFileSync(join(folder, 'out/NightlyBatch.template.json'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
