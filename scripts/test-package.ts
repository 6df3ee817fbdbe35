/**
 * Runs test/package over the npm package as a user gets it: packed here, or the tarball that is named.
 *
 *     node scripts/test-package.ts [TARBALL]
 *
 * The oldest Node that package.json allows, and the TypeScript that most users of the CDK still have, come from npm.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { installNpmPackage } from './npm-package.ts';

const TYPESCRIPT = '5.9.3';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'fargauge-pack-'));

function pack(): string {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [tarball] = globSync(join(folder, '*.tgz'));
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${folder}`);
  return tarball;
}

/** The first version in a range such as `>=22.19`. */
function oldest(range: string): string {
  const [, major, minor = '0', patch = '0'] = range.match(/^>=(\d+)(?:\.(\d+))?(?:\.(\d+))?$/) ?? [];
  if (major === undefined) throw new Error(`engines.node is ${range}; must be >=MAJOR.MINOR`);
  return `${major}.${minor}.${patch}`;
}

const [given] = process.argv.slice(2);
const oldestNode = installNpmPackage(
  `node-${process.platform}-${process.arch}`,
  oldest(manifest.engines.node),
);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/package/vitest.config.ts'],
  {
    cwd: root,
    env: {
      ...process.env,
      TARBALL: given === undefined ? pack() : resolve(given),
      OLDEST_NODE: join(oldestNode, 'bin/node'),
      TYPESCRIPT_5: join(installNpmPackage('typescript', TYPESCRIPT), 'bin/tsc'),
    },
    stdio: 'inherit',
  },
);
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
