/**
 * Checks the GitHub Actions workflows, and exits with 0 when nothing is found: their form by actionlint (needs Go; it
 * comes as a Go module), their security by zizmor (needs Python 3 with venv; from PyPI).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { downloading } from './downloading.ts';
import { installPythonTool } from './python-tool.ts';

const ACTIONLINT = 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12';

const root = join(import.meta.dirname, '..');
const workflows = globSync('.github/workflows/*.yml', { cwd: root });

function finds(program: string, args: readonly string[]): boolean {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error) throw new Error(`${program} cannot run`, { cause: error });
  return status !== 0;
}

/** @returns the program; Go keeps what it has downloaded */
function installActionlint(): string {
  const folder = join(root, 'node_modules/.cache/actionlint');
  downloading('actionlint', () =>
    execFileSync('go', ['install', ACTIONLINT], {
      env: { ...process.env, GOBIN: folder },
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  );
  return join(folder, 'actionlint');
}

const zizmor = join(installPythonTool('zizmor==1.32.0'), 'zizmor');
const found = [
  finds(installActionlint(), workflows),
  finds(zizmor, ['--quiet', '--offline', '--persona=pedantic', ...workflows]),
];
process.exitCode = found.includes(true) ? 1 : 0;
