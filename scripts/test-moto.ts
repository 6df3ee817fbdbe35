/** Runs test/moto against moto server, which stands for CloudWatch Logs, ECS and CloudFormation. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { withMoto } from './moto-server.ts';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

await withMoto((url) => {
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', 'test/moto/vitest.config.ts'], {
    cwd: root,
    env: { ...process.env, MOTO_URL: url },
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
});
