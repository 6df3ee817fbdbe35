import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { downloading } from './downloading.ts';

const CACHE = join(import.meta.dirname, '../node_modules/.cache');

/** As Debian 12 and every later one has them. */
const DEBIAN_PACKAGES = ['default-jdk-headless', 'maven'];

/**
 * Compiles a program of one file with the artifacts of Maven Central that its pom.xml names, under node_modules/.cache,
 * once. A JDK of version 17 or later and Maven are needed; on Debian they are installed where they are missing.
 * @param folder of the program, in scripts/
 * @param title for who waits
 * @returns the folder of its classes and jars
 */
export function installJavaProgram(folder: string, file: string, title: string): string {
  const source = join(import.meta.dirname, folder);
  const pom = join(source, 'pom.xml');
  const program = join(source, file);
  const wanted = readFileSync(pom, 'utf8') + readFileSync(program, 'utf8');
  const target = join(CACHE, basename(folder));
  const isInstalled = join(target, 'installed');
  requireJava();
  if (existsSync(isInstalled) && readFileSync(isInstalled, 'utf8') === wanted) return target;
  console.log(`installing ${title}`);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  downloading(title, () =>
    run('mvn', [
      // It asks again for what it did not get the last time.
      ...['--quiet', '--batch-mode', '--update-snapshots'],
      ...['--file', pom, `-Dmaven.repo.local=${join(CACHE, 'maven')}`],
      ...['org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'],
      ...['-DincludeScope=runtime', `-DoutputDirectory=${target}`],
    ]),
  );
  run('javac', ['-cp', `${target}/*`, '-d', target, program]);
  writeFileSync(isInstalled, wanted);
  return target;
}

let hasJava = false;

function requireJava(): void {
  hasJava ||= ['javac', 'java', 'mvn'].every(
    (program) => spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0,
  );
  if (hasJava) return;
  const install = `apt-get install ${DEBIAN_PACKAGES.join(' ')}`;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    throw new Error(`a JDK of version 17 or later, and Maven, are needed: ${install}`);
  }
  console.log(`installing ${DEBIAN_PACKAGES.join(' and ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  downloading(DEBIAN_PACKAGES.join(', '), () => {
    if (globSync('/var/lib/apt/lists/*_Packages*').length === 0)
      run('apt-get', ['-qq', 'update'], environment);
    run('apt-get', ['-qq', 'install', '--yes', '--no-install-recommends', ...DEBIAN_PACKAGES], environment);
  });
  hasJava = true;
}

/** @throws Error with what the program said, when it fails */
function run(program: string, args: readonly string[], environment = process.env): void {
  const result = spawnSync(program, args, { env: environment, encoding: 'utf8' });
  if (result.status === 0) return;
  throw new Error(`${program} failed: ${result.error?.message ?? `${result.stdout}${result.stderr}`.trim()}`);
}
