import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloading } from './downloading.ts';

const CACHE = join(import.meta.dirname, '../node_modules/.cache');

/**
 * Installs a package of PyPI into a virtual environment of its own under node_modules/.cache, once; Python 3 with venv
 * is needed.
 * @param requirement as pip takes it, with an exact version: `cfn-lint==1.58.0`
 * @returns the folder of its programs
 */
export function installPythonTool(requirement: string): string {
  const environment = join(CACHE, requirement.replaceAll(/[^\w.-]+/g, '-'));
  const programs = join(environment, 'bin');
  const isInstalled = join(environment, 'installed');
  if (existsSync(isInstalled)) return programs;
  console.log(`installing ${requirement}`);
  execFileSync('python3', ['-m', 'venv', '--clear', environment], { stdio: 'inherit' });
  const options = ['--quiet', '--disable-pip-version-check', '--no-input'];
  downloading(requirement, () =>
    execFileSync(join(programs, 'pip'), ['install', ...options, requirement], { stdio: 'inherit' }),
  );
  writeFileSync(isInstalled, '');
  return programs;
}
