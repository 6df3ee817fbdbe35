import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Procfs } from '../../src/proc/procfs.ts';
import { burn } from '../proc/process-script.ts';
import { PATIENCE } from '../support/eventually.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';

/** The built command, and the real sidecar beside it. */
const CLI = join(import.meta.dirname, '../../dist/cli.cjs');
const procfs = new Procfs();

let folder: string;
let started: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-program-'));
  started = [];
});
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const { FARGAUGE_LOG_LEVEL: _, ...environment } = process.env;

async function fargauge(argv: readonly string[], input = '') {
  const child = spawn(process.execPath, [CLI, ...argv], { env: environment });
  started.push(child);
  child.stdin.end(input);
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, exitCode };
}

type Line = Record<string, string | number> & { type: string };
const lines = (output: string): Line[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

/** The lines of a file that is being written. */
function wholeLines(file: string): Line[] {
  if (!existsSync(file)) return [];
  const output = readFileSync(file, 'utf8');
  return lines(output.slice(0, output.lastIndexOf('\n') + 1));
}

describe('fargauge run', () => {
  it('leaves the command its stdin, stdout, stderr and exit code', async () => {
    const script = 'cat; echo to stderr >&2; exit 3';
    const ended = await fargauge(
      ['run', '--output', join(folder, 'lines'), '--', 'sh', '-c', script],
      'to stdout',
    );
    expect(ended).toEqual({ stdout: 'to stdout', stderr: 'to stderr\n', exitCode: 3 });
  });

  it('reports what the command used, children that came and went included', async () => {
    const output = join(folder, 'lines');
    const script = 'for i in 1 2 3; do "$0" -e "$1"; done; read go; cat /proc/$$/stat; exit 7';
    const options = [
      '--name',
      'nightly',
      '--job',
      'tuesday',
      '--cpu',
      '256',
      '--memory',
      '512',
      '--output',
      output,
    ];
    const command = ['sh', '-c', script, process.execPath, burn(150)];
    const child = spawn(process.execPath, [CLI, 'run', ...options, '--', ...command], {
      env: { ...environment, FARGAUGE_SAMPLES: 'true' },
    });
    started.push(child);
    const stat = text(child.stdout);
    const isSampled = ({ type, container, cpuTimeMs = 0 }: Line): boolean =>
      type === 'SAMPLE' && container === 'nightly' && Number(cpuTimeMs) >= 450;
    await vi.waitUntil(() => wholeLines(output).some(isSampled), PATIENCE);
    child.stdin.end('go\n');
    expect(await once(child, 'exit')).toEqual([7, null]);

    const fields = (await stat).split(') ')[1]?.split(' ') ?? [];
    const kernelMs = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
    const written = wholeLines(output);
    const container = written.find((line) => line.type === 'CONTAINER' && line.container === 'nightly');
    expect(container).toMatchObject({ status: 'failure', exitCode: 7, job: 'tuesday', memorySizeMB: 512 });
    expect(container?.cpuTimeMs).toBeGreaterThanOrEqual(450);
    // The last look may come after the shell's own: with what it used to its end, in ticks.
    expect(container?.cpuTimeMs).toBeLessThanOrEqual(kernelMs + 50);
    const report = written.at(-1);
    expect(report).toMatchObject({
      type: 'REPORT',
      family: 'nightly',
      launchType: 'FARGATE',
      cpuSizeUnits: 256,
    });
    expect(report?.sidecarMaxMemoryUsedMB).toBeGreaterThan(5);
  });

  // The first measurement is a second away.
  it('reports a command that ended before anything could be measured', DEADLINE_TESTS, async () => {
    const { stdout, exitCode } = await fargauge(['run', '--output', '-', '--', 'sh', '-c', 'exit 4']);
    expect(exitCode).toBe(4);
    const written = lines(stdout);
    expect(written.at(-1)).toMatchObject({ type: 'REPORT', status: 'failure', exitCode: 4, sampleCount: 0 });
    // The sidecar, which the REPORT's sum has too, may be slow enough to be measured itself.
    const container = written.find((line) => line.type === 'CONTAINER' && line.container === 'sh');
    expect(container).toMatchObject({ status: 'failure', exitCode: 4 });
    expect(container).not.toHaveProperty('cpuTimeMs');
  });

  it('leaves the stderr of the command a pipe that blocks, whatever Node makes of ours', async () => {
    const script = 'sleep 1.5; grep flags /proc/self/fdinfo/2 >&2';
    const command = [CLI, 'run', '--output', '/dev/null', '--', 'sh', '-c', script];
    // A shell's pipe: what spawn makes for its own are sockets.
    const shell = spawn('sh', ['-c', '"$0" "$@" 2>&1 | cat', process.execPath, ...command], {
      env: environment,
    });
    started.push(shell);
    const flags = Number.parseInt(/flags:\s*(\d+)/.exec(await text(shell.stdout))?.[1] ?? '', 8);
    expect(flags & constants.O_NONBLOCK).toBe(0);
  });

  it('reports a command that Ctrl-C ended, as a terminal sends it: to the whole process group', async () => {
    const child = spawn(
      process.execPath,
      [
        CLI,
        'run',
        '--output',
        '-',
        '--',
        process.execPath,
        '-e',
        'console.log("go"); setTimeout(() => {}, 600_000)',
      ],
      {
        env: environment,
        detached: true,
      },
    );
    started.push(child);
    child.stderr.resume();
    const output = text(child.stdout);
    const { pid } = child;
    if (pid === undefined) throw new Error('fargauge was not started');
    await areStarted(pid);
    process.kill(-pid, 'SIGINT');
    const [exitCode] = await once(child, 'exit');
    expect(exitCode).toBe(130);
    expect(lines((await output).replace('go\n', '')).at(-1)).toMatchObject({ type: 'REPORT' });
  });

  it('leaves no sidecar behind when it is killed itself', async () => {
    const argv = ['run', '--', 'sh', '-c', 'read line; exit 0'];
    const child = spawn(process.execPath, [CLI, ...argv], {
      env: environment,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    started.push(child);
    const { pid } = child;
    if (pid === undefined) throw new Error('fargauge was not started');
    const isSidecar = (each: number): boolean =>
      procfs.environment(each)?.includes('FARGAUGE_BATCH=sh') ?? false;
    await areStarted(pid);
    const sidecarPid = childrenOf(pid).find(isSidecar);
    expect(sidecarPid).toBeDefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await vi.waitUntil(() => (procfs.stat(sidecarPid ?? 0)?.state ?? 'Z') === 'Z', PATIENCE);
  });

  it('explains itself, and what was wrong with its use', async () => {
    const help = await fargauge(['run', '--help']);
    expect(help).toMatchObject({ stderr: '', exitCode: 0 });
    expect(help.stdout).toMatch(/^Usage: fargauge run \[OPTIONS\] -- COMMAND/);
    const wrong = await fargauge(['run', 'true']);
    expect(wrong).toMatchObject({ stdout: '', exitCode: 2 });
    expect(wrong.stderr).toContain('fargauge run --help');
  });
});

/**
 * The command, the sidecar, and the watch over it. The sidecar is in a session of its own once there is the third: just
 * forked it is still in the process group of fargauge, and would end with it.
 */
function areStarted(pid: number): Promise<boolean> {
  return vi.waitUntil(() => childrenOf(pid).length === 3, PATIENCE);
}

function childrenOf(pid: number): number[] {
  return procfs
    .processes()
    .filter((stat) => stat.parentPid === pid)
    .map((stat) => stat.pid);
}
