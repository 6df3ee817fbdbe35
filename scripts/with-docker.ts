/**
 * Runs a command with a Docker Engine of its own: Debian's (installed with apt-get where there is none), started for
 * the command with its own data, socket and process ids, without a bridge and without firewall rules, and stopped at
 * the end. The images are this project's, on base images that scripts/docker-base-images.sh makes. Needs root and
 * `npm ci` done before.
 *
 *     node scripts/with-docker.ts COMMAND [ARGUMENT…]
 *
 * The command finds DOCKER_HOST, and the names of two images: FARGAUGE_IMAGE, and BATCH_IMAGE, which has Node and a
 * shell. Its exit code is ours. What the engine stores stays in node_modules/.cache/docker, so that the next run has
 * the images already.
 */
import { type ChildProcess, execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { downloading } from './downloading.ts';

const START_TIMEOUT_MS = 120_000;
const NODE_IMAGE = 'fargauge-base/node';
const RUNTIME_IMAGE = 'fargauge-base/runtime';
const SIDECAR_IMAGE = 'fargauge:test';
const BUILD_IMAGE = 'fargauge-build:test';

const root = join(import.meta.dirname, '..');
const data = join(root, 'node_modules/.cache/docker');
const runtime = mkdtempSync(join(tmpdir(), 'fargauge-docker-'));
const environment = {
  ...process.env,
  DOCKER_HOST: `unix://${join(runtime, 'docker.sock')}`,
  // The classic builder is in every client, with and without plug-ins.
  DOCKER_BUILDKIT: '0',
};

/** @throws Error with what the program said, when it fails. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = environment): void {
  execFileSync(program, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
}

function docker(...args: readonly string[]): readonly string[] {
  return execFileSync('docker', args, {
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
    .split('\n')
    .filter((line) => line !== '');
}

/** An engine, and the lists of packages that the base images are made of. */
function install(): void {
  const apt = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  downloading('the lists of packages', () => {
    if (globSync('/var/lib/apt/lists/*_Packages*').length === 0) run('apt-get', ['-qq', 'update'], apt);
  });
  const hasEngine = spawnSync('dockerd', ['--version'], { stdio: 'ignore' }).status === 0;
  const hasClient = spawnSync('docker', ['--version'], { stdio: 'ignore' }).status === 0;
  if (hasEngine && hasClient) return;
  console.log('installing docker.io');
  downloading('docker.io', () =>
    run('apt-get', ['-qq', 'install', '--yes', '--no-install-recommends', 'docker.io'], apt),
  );
}

/** The engine ends with us, even when we are killed: the shell reads from a pipe that closes then. */
function startEngine(): ChildProcess {
  mkdirSync(data, { recursive: true });
  const options = [
    ...['--data-root', data, '--exec-root', join(runtime, 'exec'), '--pidfile', join(runtime, 'engine.pid')],
    ...['--host', environment.DOCKER_HOST],
    // Only the networks that are made for the command, and nothing of the machine is changed for them.
    ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
  ];
  const script = 'dockerd "$@" & read -r _; kill $!; wait $!';
  const log = openSync(join(runtime, 'engine.log'), 'w');
  const stdio: StdioOptions = ['pipe', log, log];
  return spawn('sh', ['-c', script, 'dockerd', ...options], { stdio, detached: true });
}

async function waitUntilReady(): Promise<void> {
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < giveUpAt) {
    if (spawnSync('docker', ['version'], { env: environment, stdio: 'ignore' }).status === 0) return;
    await delay(100);
  }
  const log = readFileSync(join(runtime, 'engine.log'), 'utf8').split('\n').slice(-20).join('\n');
  throw new Error(`dockerd does not answer at ${environment.DOCKER_HOST}; the end of its log:\n${log}`);
}

/** Made once for each state of what they are made of. */
function makeBaseImages(): void {
  const script = 'scripts/docker-base-images.sh';
  const hash = createHash('sha256').update(process.version);
  for (const file of [script, 'package.json', 'package-lock.json', '.npmrc']) {
    hash.update(readFileSync(join(root, file)));
  }
  const tag = hash.digest('hex').slice(0, 12);
  const made = docker('image', 'ls', '--format', '{{.Tag}}', NODE_IMAGE);
  if (made.includes(tag)) return;
  console.log('making the base images');
  // Those of another state: the build would take its stages from what it had of them.
  const outdated = [
    ...made.map((each) => `${NODE_IMAGE}:${each}`),
    ...docker('image', 'ls', '--quiet', BUILD_IMAGE),
  ];
  if (outdated.length > 0) run('docker', ['image', 'rm', '--force', ...outdated]);
  downloading('what the base images are made of', () => run(script, []));
  run('docker', ['tag', `${NODE_IMAGE}:latest`, `${NODE_IMAGE}:${tag}`]);
}

function buildSidecar(): void {
  console.log('building the image');
  const bases = ['--build-arg', `NODE_IMAGE=${NODE_IMAGE}`, '--build-arg', `RUNTIME_IMAGE=${RUNTIME_IMAGE}`];
  const build = ['build', '--quiet', '--network', 'none', ...bases];
  // With a name of its own the first stage outlives the clean-up, and the next build has its layers.
  run('docker', [...build, '--target', 'build', '--tag', BUILD_IMAGE, '.']);
  run('docker', [...build, '--tag', SIDECAR_IMAGE, '.']);
  run('docker', ['image', 'prune', '--force']);
}

/** Whatever the command did, nothing runs on and no bridge stays behind. */
function removeRemains(): void {
  const containers = docker('ps', '--all', '--quiet');
  if (containers.length > 0) run('docker', ['rm', '--force', '--volumes', ...containers]);
  run('docker', ['network', 'prune', '--force']);
}

async function stopEngine(engine: ChildProcess): Promise<void> {
  const ended = once(engine, 'exit');
  engine.stdin?.end();
  await ended;
  unmountRuntime();
  // What the engine had started may end a moment after it.
  rmSync(runtime, { recursive: true, maxRetries: 10, retryDelay: 200 });
}

/** The engine leaves the mount that stands for the machine's own network, once a container has used that. */
function unmountRuntime(): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  for (const [, path = ''] of mounts.map((mount) => mount.split(' '))) {
    if (path.startsWith(`${runtime}/`)) run('umount', ['--lazy', path]);
  }
}

function runCommand([command = '', ...args]: readonly string[]): number {
  const env = { ...environment, FARGAUGE_IMAGE: SIDECAR_IMAGE, BATCH_IMAGE: NODE_IMAGE };
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

const command = process.argv.slice(2);
if (command.length === 0) throw new Error('usage: node scripts/with-docker.ts COMMAND [ARGUMENT…]');
if (process.getuid?.() !== 0) throw new Error('an engine of its own needs root');
if (!existsSync('/etc/debian_version')) throw new Error('the base images are made of Debian packages');
// Ctrl-C ends the command; we go on to the end, which stops the engine.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
install();
const engine = startEngine();
try {
  await waitUntilReady();
  removeRemains();
  makeBaseImages();
  buildSidecar();
  process.exitCode = runCommand(command);
  removeRemains();
} finally {
  await stopEngine(engine);
}
