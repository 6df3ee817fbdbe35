import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(import.meta.dirname, '../node_modules/.cache');

/**
 * Installs a package of npm into a folder of its own under node_modules/.cache, once: another version than the one that
 * the project has itself. No script of it is run.
 * @param name of the package
 * @param version exact
 * @returns the package's folder
 */
export function installNpmPackage(name: string, version: string): string {
  const folder = join(CACHE, `${name}-${version}`);
  const installed = join(folder, 'node_modules', name);
  const isInstalled = join(folder, 'installed');
  if (existsSync(isInstalled)) return installed;
  console.log(`installing ${name}@${version}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // By force, because it may be for another processor.
  execFileSync('npm', ['install', '--loglevel=error', '--ignore-scripts', '--force', `${name}@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(isInstalled, '');
  return installed;
}
