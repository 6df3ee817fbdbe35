import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pauseArchive } from '../../src/local/docker-pause.ts';
import { PATIENCE } from '../support/eventually.ts';

let folder: string;
const programs: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-pause-'));
});
afterEach(() => {
  for (const program of programs.splice(0)) program.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The archive's one file, as tar unpacks it. */
function unpack(architecture: string): string {
  writeFileSync(join(folder, 'pause.tar'), pauseArchive(architecture) ?? '');
  execFileSync('tar', ['--extract', '--file', 'pause.tar'], { cwd: folder });
  return join(folder, 'pause');
}

/** Its name and its state in proc_pid_stat(5): S is asleep. */
function stateOf(pid: number | undefined): string | undefined {
  return /\(.*\) \w/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[0];
}

const ELF_MACHINES = { amd64: 62, arm64: 183 };
const OWN_ARCHITECTURE = arch() === 'x64' ? 'amd64' : arch();

describe('the pause image', () => {
  it.each(Object.entries(ELF_MACHINES))('holds one executable for %s', (architecture, machine) => {
    const file = readFileSync(unpack(architecture));
    expect(file.subarray(0, 5)).toEqual(Buffer.from([0x7f, ...Buffer.from('ELF'), 2]));
    expect(file.readUInt16LE(18)).toBe(machine);
  });

  it('has a program that does nothing until it is ended', async () => {
    const child = spawn(unpack(OWN_ARCHITECTURE), { stdio: 'ignore' });
    programs.push(child);
    await expect.poll(() => stateOf(child.pid), PATIENCE).toBe('(pause) S');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(existsSync(`/proc/${child.pid}`)).toBe(false);
  });

  it('has a program whose children leave no zombies', async () => {
    // The shell's children are the program's when it takes the shell's place. They end with the shell's stdin.
    const shell = 'exec 3<&0; for child in 1 2 3; do read -r _ <&3 & done; exec "$0"';
    const child = spawn('sh', ['-c', shell, unpack(OWN_ARCHITECTURE)], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    programs.push(child);
    const children = () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ').filter(Boolean);
    await expect.poll(() => stateOf(child.pid), PATIENCE).toBe('(pause) S');
    expect(children()).toHaveLength(3);
    child.stdin.end();
    await expect.poll(children, PATIENCE).toEqual([]);
  });

  it('is not made for what ECS does not run on', () => {
    expect(pauseArchive('riscv64')).toBeUndefined();
  });
});
