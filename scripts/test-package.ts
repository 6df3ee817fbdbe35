/**
 * Runs test/package over the npm package as a user gets it: packed here, or the tarball that is named.
 *
 *     node scripts/test-package.ts [TARBALL]
 *
 * The oldest Node and CDK that package.json allows, and the TypeScript that most users of the CDK have, come from npm.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { installNpmPackages } from './npm-package.ts';

const TYPESCRIPT = 'typescript@5.9.3';

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

/** The first version in a range such as `>=22.19` or `^2.150.0`. */
function oldest(range: string): string {
  const [, major, minor = '0', patch = '0'] = range.match(/^(?:>=|\^)(\d+)(?:\.(\d+))?(?:\.(\d+))?$/) ?? [];
  if (major === undefined)
    throw new Error(`package.json has the range ${range}; must be >=VERSION or ^VERSION`);
  return `${major}.${minor}.${patch}`;
}

const [given] = process.argv.slice(2);
const { engines, peerDependencies } = manifest;
const node = `node-${process.platform}-${process.arch}`;
const peers = Object.entries(peerDependencies).map(([name, range]) => `${name}@${oldest(range)}`);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/package/vitest.config.ts'],
  {
    cwd: root,
    env: {
      ...process.env,
      TARBALL: given === undefined ? pack() : resolve(given),
      OLDEST_NODE: join(installNpmPackages(`${node}@${oldest(engines.node)}`), node, 'bin/node'),
      OLDEST_CDK: installNpmPackages(...peers),
      TYPESCRIPT_5: join(installNpmPackages(TYPESCRIPT), 'typescript/bin/tsc'),
    },
    stdio: 'inherit',
  },
);
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
