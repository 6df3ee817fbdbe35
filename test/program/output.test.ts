import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { latestExitMs } from '../support/delivered-run.ts';
import { Program } from '../support/program.ts';
import { BATCH, DEADLINE_TESTS, SIDECAR, SIZE } from '../support/program-test.ts';
import { type SimulatedTask, startSimulatedTask, WITHOUT_PROC } from '../support/simulated-task.ts';

async function withStdout(
  stdout: 'pipe' | number,
  scenario: (program: Program, task: SimulatedTask) => Promise<void>,
): Promise<void> {
  const task = await startSimulatedTask({ containers: [BATCH, SIDECAR], size: SIZE, launchType: 'EC2' });
  const environment = {
    ...task.environment(),
    ...WITHOUT_PROC,
    FARGAUGE_OUTPUT: 'stdout',
    FARGAUGE_STOP_TIMEOUT_SECONDS: '5',
  };
  const program = new Program(environment, ['ignore', stdout, 'pipe']);
  try {
    await scenario(program, task);
  } finally {
    program.process.kill('SIGKILL');
    await task.close();
  }
}

describe.concurrent('a stdout that takes nothing', DEADLINE_TESTS, () => {
  it('closed by its reader: the run goes on, exit code 0, and stderr counts what was lost', () =>
    withStdout('pipe', async (program, task) => {
      program.process.stdout?.destroy();
      await task.requested(3, '/task/stats');
      program.signal();
      const { exitCode, stderr, elapsedMs } = await program.ended;
      expect(exitCode).toBe(0);
      expect(stderr).toContain('"lostLineCount":4');
      expect(elapsedMs).toBeLessThan(3_000);
    }));

  it('a full disk: the same', async () => {
    const full = openSync('/dev/full', 'w');
    await withStdout(full, async (program, task) => {
      closeSync(full);
      await task.requested(3, '/task/stats');
      program.signal();
      const { exitCode, stderr } = await program.ended;
      expect(exitCode).toBe(0);
      expect(stderr).toContain('"lostLineCount":4');
    });
  });

  it('a pipe that nobody empties, as of a log driver that blocks: SIGTERM is seen, and the deadline kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fargauge-'));
    const path = join(folder, 'stuck');
    execFileSync('mkfifo', [path]);
    const stuck = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    fill(stuck);
    try {
      await withStdout(stuck, async (program, task) => {
        await task.requested(3, '/task/stats');
        program.signal();
        const { exitCode, stderr, elapsedMs } = await program.ended;
        expect(exitCode).toBe(0);
        expect(stderr).toContain('"lostLineCount":4');
        expect(elapsedMs).toBeLessThan(latestExitMs(5, true));
      });
    } finally {
      closeSync(stuck);
      rmSync(folder, { recursive: true });
    }
  });
});

/** Writes until the pipe takes no more. */
function fill(fd: number): void {
  const chunk = Buffer.alloc(4_096);
  try {
    for (;;) writeSync(fd, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}

describe.concurrent('a configuration that is wrong', () => {
  async function refusal(environment: Record<string, string>) {
    const program = new Program(environment);
    const { exitCode, stderr, lines } = await program.ended;
    expect(lines).toEqual([]);
    return { exitCode, stderr };
  }

  it('without a metadata URI: exit 2, and the message says what to do', async () => {
    const { exitCode, stderr } = await refusal({});
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Neither ECS_CONTAINER_METADATA_URI_V4 nor ECS_CONTAINER_METADATA_URI is set');
    expect(stderr).toContain('fargauge run -- COMMAND');
  });

  it('every problem in one message, with variable, value and what is allowed', async () => {
    const { exitCode, stderr } = await refusal({
      ECS_CONTAINER_METADATA_URI_V4: 'ftp://169.254.170.2/v4/x',
      FARGAUGE_POLL_INTERVAL_MS: '500',
      FARGAUGE_SUMARY_INTERVAL_SECONDS: '10',
    });
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      `fargauge cannot start:
  - FARGAUGE_SUMARY_INTERVAL_SECONDS is not a variable of fargauge. Did you mean FARGAUGE_SUMMARY_INTERVAL_SECONDS?
  - ECS_CONTAINER_METADATA_URI_V4="ftp://169.254.170.2/v4/x" is not allowed: it must be an http URL, as Amazon ECS sets it.
  - FARGAUGE_POLL_INTERVAL_MS="500" is not allowed: it must be a whole number from 1000 to 60000.
`,
    );
  });
});
