import { EventEmitter } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { systemClock } from '../../src/clock.ts';
import { PATIENCE } from '../support/eventually.ts';
import { DEADLINE_TESTS } from '../support/program-test.ts';
import { fakeSidecar } from './fake-sidecar.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-run-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const inFolder = (name: string): string => join(folder, name);
const events = (): string[] =>
  existsSync(inFolder('events')) ? readFileSync(inFolder('events'), 'utf8').trimEnd().split('\n') : [];
const happened = (event: string) => vi.waitUntil(() => events().includes(event), PATIENCE);

type FakeLine = Record<string, unknown> & { env: Record<string, string>; pid: number; session: number };

class TestRun {
  readonly signals = new EventEmitter();
  readonly exitCode: Promise<number>;
  #stdout = '';
  #stderr = '';

  constructor(
    argv: readonly string[],
    options: {
      sidecar?: readonly string[];
      env?: NodeJS.ProcessEnv;
      isTTY?: boolean;
      isInForeground?: boolean;
    } = {},
  ) {
    const stdout = new PassThrough().on('data', (chunk) => {
      this.#stdout += chunk;
    });
    const stderr = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? false }).on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.exitCode = run(
      argv,
      { stdin: Readable.from([]), stdout, stderr },
      {
        env: { PATH: process.env.PATH, EVENTS: inFolder('events'), GO: inFolder('go'), ...options.env },
        signals: this.signals as unknown as Pick<NodeJS.Process, 'on' | 'off'>,
        clock: systemClock,
        isInForeground: () => options.isInForeground ?? true,
        sidecarCommand: options.sidecar ?? fakeSidecar(),
      },
    );
  }

  signal(name: NodeJS.Signals): void {
    this.signals.emit(name, name);
  }

  async stdout(): Promise<string> {
    await this.exitCode;
    return this.#stdout;
  }

  async stderr(): Promise<string> {
    await this.exitCode;
    return this.#stderr;
  }

  /** The lines that went to stdout. */
  async lines(): Promise<FakeLine[]> {
    return parse(await this.stdout());
  }
}

const parse = (text: string): FakeLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FakeLine);

/** A command that notes its start, goes on until it may end, and then ends with 4; told to stop, with 5. */
const PATIENT = [
  'sh',
  '-c',
  `trap 'echo "batch got SIGTERM" >> "$EVENTS"; exit 5' TERM
   echo "batch started" >> "$EVENTS"
   while [ ! -e "$GO" ]; do sleep 0.02; done
   exit 4`,
];
const letGo = (): void => writeFileSync(inFolder('go'), '');

describe('the command under fargauge run', () => {
  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -KILL $$', 137],
    ['kill -TERM $$', 143],
  ])('that ends by "%s" gives its exit code: %i', async (script, exitCode) => {
    expect(await new TestRun(['--', 'sh', '-c', script]).exitCode).toBe(exitCode);
  });

  it('that does not exist gives 127, one that cannot be executed 126, and no sidecar is started', async () => {
    writeFileSync(inFolder('plain.txt'), 'not a program');
    chmodSync(inFolder('plain.txt'), 0o644);
    const missing = new TestRun(['--', inFolder('none')]);
    expect(await missing.exitCode).toBe(127);
    expect(await missing.stderr()).toBe(`fargauge run: ${inFolder('none')}: not found\n`);
    const plain = new TestRun(['--', inFolder('plain.txt')]);
    expect(await plain.exitCode).toBe(126);
    expect(await plain.stderr()).toContain('not executable');
    expect(events()).toEqual([]);
  });

  it('has an endpoint of its own, beside what the environment holds already', async () => {
    const env = { ECS_CONTAINER_METADATA_URI_V4: 'http://127.0.0.1:1/v4/outer', OWN: 'kept' };
    const command = `printf '%s\\n' "$ECS_CONTAINER_METADATA_URI" "$ECS_CONTAINER_METADATA_URI_V4" "$OWN" > "$EVENTS.batch"`;
    const { env: sidecarEnv } =
      (await new TestRun(['--output', '-', '--', 'sh', '-c', command], { env }).lines())[0] ?? {};
    const [v3 = '', v4 = '', own] = readFileSync(inFolder('events.batch'), 'utf8').split('\n');
    expect(v3).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v3\/[0-9a-f]{32}-\d{10}$/);
    expect(v4).toBe(v3.replace('/v3/', '/v4/'));
    expect(own).toBe('kept');
    expect(sidecarEnv?.ECS_CONTAINER_METADATA_URI_V4).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+\/v4\/[0-9a-f]{32}-\d{10}$/,
    );
    expect(sidecarEnv?.ECS_CONTAINER_METADATA_URI_V4).not.toBe(v4);
  });
});

describe('the sidecar beside it', () => {
  const startOf = async (argv: string[], env: NodeJS.ProcessEnv = {}): Promise<FakeLine> => {
    const text = await new TestRun([...argv, '--', 'true'], { env })[
      argv.includes('-') ? 'stdout' : 'stderr'
    ]();
    const [start] = parse(text);
    if (start === undefined) throw new Error('the sidecar has not started');
    return start;
  };

  it('has the environment that ECS would give it, in a session of its own', async () => {
    const { env, pid, session } = await startOf(['--name', 'nightly', '--job', 'tuesday', '--output', '-']);
    expect(env).toMatchObject({
      FARGAUGE_BATCH: 'nightly',
      FARGAUGE_JOB: 'tuesday',
      FARGAUGE_OUTPUT: 'stdout',
    });
    expect(env.ECS_CONTAINER_METADATA_URI).toMatch(/\/v3\//);
    expect(session).toBe(pid);
  });

  it("says little on the command's stderr, and only errors where its lines go there too", async () => {
    expect((await startOf([])).env).toMatchObject({ FARGAUGE_LOG_LEVEL: 'error' });
    expect((await startOf(['--output', '-'])).env).toMatchObject({ FARGAUGE_LOG_LEVEL: 'warn' });
  });

  it("has the user's own settings, of output and diagnostics too", async () => {
    const env = { FARGAUGE_LOG_LEVEL: 'debug', FARGAUGE_OUTPUT: 'cloudwatch,stdout', FARGAUGE_JOB: 'mine' };
    expect((await startOf([], env)).env).toMatchObject(env);
  });

  it('is told to end when the command has, and then sees how', async () => {
    const [, report] = await new TestRun(['--output', '-', '--', 'sh', '-c', 'exit 3']).lines();
    expect(report).toMatchObject({ type: 'REPORT', desired: 'STOPPED', batch: 'STOPPED', exitCode: 3 });
  });

  it('is not told before it listens, however soon the command ends', async () => {
    const slow = fakeSidecar('const until = Date.now() + 300; while (Date.now() < until)');
    const lines = await new TestRun(['--output', '-', '--', 'true'], { sidecar: slow }).lines();
    expect(lines.map(({ type }) => type)).toEqual(['START', 'REPORT']);
  });

  it('that dies is told, and changes nothing for the command', async () => {
    const dying = new TestRun(['--', ...PATIENT], {
      sidecar: fakeSidecar('note("sidecar dies"); process.exit(9)'),
    });
    await happened('sidecar dies');
    await happened('batch started');
    letGo();
    expect(await dying.exitCode).toBe(4);
    expect(await dying.stderr()).toContain('the sidecar ended with exit code 9; the command is not affected');
  });

  it('that cannot be started is told, and the command runs', async () => {
    const without = new TestRun(['--', 'sh', '-c', 'exit 6'], { sidecar: [inFolder('no-sidecar')] });
    expect(await without.exitCode).toBe(6);
    expect(await without.stderr()).toContain(
      `${inFolder('no-sidecar')}: not found: the command runs without`,
    );
  });

  it('that does not end is killed after its stopTimeout', DEADLINE_TESTS, async () => {
    const stubborn = new TestRun(['--', ...PATIENT], {
      sidecar: fakeSidecar('', 'note("sidecar got SIGTERM")'),
      env: { FARGAUGE_STOP_TIMEOUT_SECONDS: '2' },
    });
    // It is told after these two seconds whether it has asked or not, and may be slow to start.
    await happened('sidecar asked');
    await happened('batch started');
    letGo();
    expect(await stubborn.exitCode).toBe(4);
    expect(events().at(-1)).toBe('sidecar got SIGTERM');
    expect(await stubborn.stderr()).toContain('did not end within 2 s of SIGTERM and was killed');
  });
});

describe('lines', () => {
  it('go to stderr unless another output is named', async () => {
    const toStderr = new TestRun(['--', 'true']);
    expect(parse(await toStderr.stderr()).map(({ type }) => type)).toEqual(['START', 'REPORT']);
    expect(await toStderr.stdout()).toBe('');
  });

  it('go to a file, and nothing else does', async () => {
    const toFile = new TestRun(['--output', inFolder('lines.jsonl'), '--', 'true']);
    expect(await toFile.stderr()).toBe('');
    expect(parse(readFileSync(inFolder('lines.jsonl'), 'utf8')).map(({ type }) => type)).toEqual([
      'START',
      'REPORT',
    ]);
  });

  it('are followed by a summary where stderr is a terminal', async () => {
    const onTerminal = new TestRun(['--name', 'nightly', '--output', '-', '--', 'true'], { isTTY: true });
    expect(await onTerminal.stderr()).toMatch(/^\n.*nightly.*success.*\n {2}.*Duration/);
    const colourless = new TestRun(['--output', '-', '--', 'true'], { isTTY: true, env: { NO_COLOR: '1' } });
    expect(await colourless.stderr()).not.toContain('\u001b');
  });
});

describe('wrong use', () => {
  it.each([
    ['an option that is none', ['--colour', '--', 'sh'], {}, '--colour'],
    ['no command', ['sh'], {}, 'give the command after --'],
    ['a file that cannot be written', ['--output', '/none/lines.jsonl', '--', 'sh'], {}, '/none/lines.jsonl'],
    ['a variable that is none', ['--', 'sh'], { FARGAUGE_BACTH: 'x' }, 'Did you mean FARGAUGE_BATCH'],
    ['a value that is not allowed', ['--', 'sh'], { FARGAUGE_STOP_TIMEOUT_SECONDS: '1' }, 'from 2 to 120'],
  ])('%s is refused with 2 before anything is started', async (_, argv, env, message) => {
    const refused = new TestRun([...argv, '-c', 'echo started > "$EVENTS"'], { env });
    expect(await refused.exitCode).toBe(2);
    expect(await refused.stderr()).toContain(message);
    expect(events()).toEqual([]);
  });
});

describe('a signal to fargauge run', () => {
  it('SIGTERM stops as StopTask does: the sidecar first, and the command when the sidecar has ended', async () => {
    const stopped = new TestRun(['--output', '-', '--', ...PATIENT]);
    await happened('sidecar asked');
    await happened('batch started');
    stopped.signal('SIGTERM');
    expect(await stopped.exitCode).toBe(5);
    expect(events().slice(-3)).toEqual(['sidecar got SIGTERM', 'sidecar ends', 'batch got SIGTERM']);
    expect((await stopped.lines()).at(-1)).toMatchObject({ desired: 'STOPPED', batch: 'RUNNING' });
  });

  it.each(['SIGINT', 'SIGQUIT', 'SIGHUP'] as const)(
    '%s, which a terminal sends the command as well, stops the sidecar and waits for the command',
    async (signal) => {
      const interrupted = new TestRun(['--output', '-', '--', ...PATIENT]);
      await happened('sidecar asked');
      await happened('batch started');
      interrupted.signal(signal);
      await happened('sidecar ends');
      letGo();
      expect(await interrupted.exitCode).toBe(4);
      expect(events()).not.toContain('batch got SIGTERM');
      expect((await interrupted.lines()).at(-1)).toMatchObject({ desired: 'STOPPED', batch: 'RUNNING' });
    },
  );

  it('SIGINT outside of a terminal is passed on when the sidecar has ended', async () => {
    const command = PATIENT.map((word) => word.replaceAll('TERM', 'INT'));
    const interrupted = new TestRun(['--output', '-', '--', ...command], { isInForeground: false });
    await happened('sidecar asked');
    await happened('batch started');
    interrupted.signal('SIGINT');
    expect(await interrupted.exitCode).toBe(5);
    expect(events().slice(-3)).toEqual(['sidecar got SIGTERM', 'sidecar ends', 'batch got SIGINT']);
  });

  it('a second one kills the command, and asks the sidecar again', async () => {
    const impatient = new TestRun(['--', ...PATIENT], {
      sidecar: fakeSidecar(
        'let count = 0',
        'count += 1; note("SIGTERM " + count); if (count === 2) process.exit(0)',
      ),
    });
    await happened('sidecar asked');
    await happened('batch started');
    impatient.signal('SIGINT');
    await happened('SIGTERM 1');
    impatient.signal('SIGINT');
    expect(await impatient.exitCode).toBe(137);
    expect(events()).toContain('SIGTERM 2');
  });

  it('has its usual effect again afterwards', async () => {
    const ended = new TestRun(['--', 'true']);
    await ended.exitCode;
    expect(ended.signals.eventNames().filter((name) => ended.signals.listenerCount(name) > 0)).toEqual([]);
  });
});
