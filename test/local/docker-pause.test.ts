import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pauseArchive } from '../../src/local/docker-pause.ts';

/** The archive's one file, as tar unpacks it. */
function withProgram<T>(architecture: string, use: (program: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-pause-'));
  try {
    writeFileSync(join(folder, 'pause.tar'), pauseArchive(architecture) ?? '');
    execFileSync('tar', ['--extract', '--file', 'pause.tar'], { cwd: folder });
    return use(join(folder, 'pause'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ELF_MACHINES = { amd64: 62, arm64: 183 };
const OWN_ARCHITECTURE = arch() === 'x64' ? 'amd64' : arch();

describe('the pause image', () => {
  it.each(Object.entries(ELF_MACHINES))('holds one executable for %s', (architecture, machine) => {
    const file = withProgram(architecture, (program) => readFileSync(program));
    expect(file.subarray(0, 5)).toEqual(Buffer.from([0x7f, ...Buffer.from('ELF'), 2]));
    expect(file.readUInt16LE(18)).toBe(machine);
  });

  it('has a program that does nothing until it is ended', async () => {
    const { child, ticks } = withProgram(OWN_ARCHITECTURE, (program) => {
      const child = spawn(program, { stdio: 'ignore' });
      return { child, ticks: () => readFileSync(`/proc/${child.pid}/stat`, 'utf8') };
    });
    await once(child, 'spawn');
    // Its state in proc_pid_stat(5): asleep.
    await expect.poll(() => ticks().split(' ')[2]).toBe('S');
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([null, 'SIGTERM']);
    expect(existsSync(`/proc/${child.pid}`)).toBe(false);
  });

  it('is not made for what ECS does not run on', () => {
    expect(pauseArchive('riscv64')).toBeUndefined();
  });
});
