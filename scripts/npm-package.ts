import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloading } from './downloading.ts';

const CACHE = join(import.meta.dirname, '../node_modules/.cache');

/**
 * Installs packages of npm into a folder of their own under node_modules/.cache, once: other versions than those that
 * the project has itself. No script of theirs is run.
 * @param packages each as npm takes it, with an exact version: `typescript@5.9.3`
 * @returns the folder that has them: a node_modules
 */
export function installNpmPackages(...packages: readonly string[]): string {
  const folder = join(CACHE, packages.join('+'));
  const installed = join(folder, 'node_modules');
  const isInstalled = join(folder, 'installed');
  if (existsSync(isInstalled)) return installed;
  console.log(`installing ${packages.join(', ')}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // By force, because one may be for another processor.
  downloading(packages.join(', '), () =>
    execFileSync('npm', ['install', '--loglevel=error', '--ignore-scripts', '--force', ...packages], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  writeFileSync(isInstalled, '');
  return installed;
}
