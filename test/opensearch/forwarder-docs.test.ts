import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT } from '../docs/pages.ts';
import { linesOfDay } from '../support/lines.ts';
import { askEngine, runningEngines } from '../support/search-engines.ts';

const LINES = linesOfDay('2026-03-20', 3);
const folder = mkdtempSync(join(tmpdir(), 'fargauge-forwarder-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'bin'));
for (const [name, file] of Object.entries({ fargauge: 'dist/cli.cjs', aws: 'test/docs/aws.ts' })) {
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, file)}' "$@"\n`;
  writeFileSync(join(folder, 'bin', name), script, { mode: 0o755 });
}
for (const name of ['deploy', 'dist']) symlinkSync(join(ROOT, name), join(folder, name));
writeFileSync(join(folder, 'lines.jsonl'), `${['the batch says hello', ...LINES].join('\n')}\n`);

describe.each(runningEngines())('the commands of docs/opensearch.md on $label', (engine) => {
  it('run one after the other, and the lines are in the index, once, also after a second time', async () => {
    const blocks = blocksOf('opensearch.md', 'sh');
    expect(blocks.some((block) => block.startsWith('fargauge index '))).toBe(true);
    const run = (block: string) =>
      spawnSync('bash', ['--norc', '-euo', 'pipefail', '-c', block], {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: folder,
        env: {
          ...process.env,
          OPENSEARCH_URL: engine.url,
          PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter),
        },
        encoding: 'utf8',
      });
    for (const block of blocks) expect({ block, ...run(block) }).toMatchObject({ block, status: 0 });
    const index = blocks.find((block) => block.startsWith('fargauge index ')) ?? '';
    expect(run(index).stdout).toBe(
      `0 lines indexed, ${LINES.length} were there already, 1 left out: somebody else’s\n`,
    );
    await askEngine(engine, 'POST', '/fargauge-2026.03.20/_refresh');
    const { body } = await askEngine<{ count: number }>(engine, 'GET', '/fargauge-2026.03.20/_count');
    expect(body.count).toBe(LINES.length);
  });
});
