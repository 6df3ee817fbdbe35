import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config.ts';
import type { Samples, Task } from '../src/core/types.ts';
import type { Endpoint } from '../src/endpoint/client.ts';
import type { LookedAtTask, ProcLook } from '../src/proc/task-processes.ts';
import { run } from '../src/sidecar.ts';
import type { OutputLine, Sink } from '../src/sinks/sink.ts';
import { container, MIB, SETTINGS, START_MS, task } from './core/builders.ts';
import { FakeClock } from './support/fake-clock.ts';
import type { ParsedLine } from './support/program.ts';

const SELF = container('fargauge');
const TURNS_PER_STEP = 20;
const STEP_MS = 50;

class MemorySink implements Sink {
  readonly name = 'memory';
  readonly lines: ParsedLine[] = [];
  readonly droppedLineCount = 0;

  write(lines: readonly OutputLine[]): void {
    this.lines.push(...lines.map(({ text }) => JSON.parse(text) as ParsedLine));
  }
  flush = async () => true;
  takeUndelivered = () => [];
}

/** The sidecar's loop beside an endpoint without stats and a /proc of the test's. */
class Rig {
  readonly clock = new FakeClock(START_MS);
  readonly sink = new MemorySink();
  readonly stop = new AbortController();
  readonly messages: string[] = [];
  /** When, ms from the start, and of which containers. */
  readonly looks: { readonly atMs: number; readonly names: string }[] = [];
  /** The endpoint's next answers. */
  task: Task = task([container('etl'), SELF], { launchType: 'EC2' });
  answerMs = 5;
  /** Whether its files were given back. */
  isClosed = false;
  readonly #ended: Promise<void>;

  constructor(
    look: (atMs: number) => ProcLook | undefined = (atMs) => looked(atMs),
    environment: Record<string, string> = {},
    summaryIntervalMs = 0,
  ) {
    const { clock, sink, stop, messages, looks } = this;
    const answer = async <T>(value: () => T) => {
      await clock.sleep(this.answerMs);
      return { ok: true as const, value: value() };
    };
    const endpoint: Endpoint = {
      stats: () => answer((): Samples => new Map()),
      task: () => answer(() => this.task),
      container: () => answer(() => SELF),
      abort() {},
      close() {},
    };
    const say = (_fields: object, message: string) => void messages.push(message);
    this.#ended = run(
      parseConfig({ ECS_CONTAINER_METADATA_URI_V4: 'http://127.0.0.1/v4/x', ...environment }),
      { ...SETTINGS, summaryIntervalMs },
      {
        endpoint,
        clock,
        log: { debug: say, info: say, warn: say, error: say },
        stdout: sink,
        openSink: () => sink,
        processes: {
          look: ({ containers }: LookedAtTask) => {
            looks.push({ atMs: clock.elapsed(), names: containers.map(({ name }) => name).join() });
            return look(clock.elapsed());
          },
          close: () => {
            this.isClosed = true;
          },
        },
        recorder: undefined,
      },
      {
        stop: stop.signal,
        giveUp: new AbortController().signal,
        get stoppedAtElapsedMs() {
          return undefined;
        },
      },
    );
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      for (let turn = 0; turn < TURNS_PER_STEP; turn += 1) await nextTurn();
      this.clock.advance(STEP_MS);
    }
    for (let turn = 0; turn < TURNS_PER_STEP; turn += 1) await nextTurn();
  }

  async end(): Promise<ParsedLine> {
    this.stop.abort();
    let isOver = false;
    void this.#ended.then(() => {
      isOver = true;
    });
    while (!isOver) await this.pass(STEP_MS);
    const report = this.sink.lines.at(-1);
    if (report?.type !== 'REPORT') throw new Error('no REPORT at the end');
    return report;
  }
}

function looked(atMs: number, change: Partial<ProcLook> = {}): ProcLook {
  const etl = {
    source: 'proc' as const,
    readAtMs: START_MS + atMs,
    cpuUsageNs: atMs * 1e5,
    memory: { anonBytes: 10 * MIB },
  };
  return {
    samples: new Map([['id-of-etl', etl]]),
    costMs: 1,
    leftOutCount: 0,
    isAmbiguous: false,
    ...change,
  };
}

describe('looks at /proc beside the polls', () => {
  it('begin with the first answer, keep their own interval, and give the figures of the run', async () => {
    const rig = new Rig(undefined, { FARGAUGE_PROC_INTERVAL_MS: '100' });
    await rig.pass(2_000);
    expect(rig.looks.length).toBeGreaterThan(15);
    expect(rig.looks[0]?.names).toBe('etl,fargauge');
    const report = await rig.end();
    expect(report).toMatchObject({ sampleSources: 'proc', maxAnonMemoryMB: 10, sampleIntervalMs: 100 });
    expect(report.cpuTimeMs).toBeGreaterThan(180);
    expect(rig.messages).toContain('samples out of /proc');
  });

  it('do not wait for an endpoint that is slow', async () => {
    const rig = new Rig(undefined, { FARGAUGE_PROC_INTERVAL_MS: '200' });
    await rig.pass(500);
    rig.answerMs = 800;
    const before = rig.looks.length;
    await rig.pass(2_000);
    expect(rig.looks.length - before).toBeGreaterThanOrEqual(9);
    rig.answerMs = 5;
    await rig.end();
  });

  it('end with one last look at a stop', async () => {
    const rig = new Rig(undefined, { FARGAUGE_PROC_INTERVAL_MS: '10000' });
    await rig.pass(3_000);
    const before = rig.looks.length;
    const report = await rig.end();
    expect(rig.looks.length).toBe(before + 1);
    expect(report.status).toBe('stopped');
  });

  it('are not taken after the run is over', async () => {
    const rig = new Rig();
    await rig.pass(1_500);
    rig.task = task([
      container('etl', { status: 'stopped', exitCode: 0, finishedAtMs: START_MS + 1_500 }),
      SELF,
    ]);
    await rig.pass(2_000);
    const before = rig.looks.length;
    await rig.pass(3_000);
    expect(rig.looks.length).toBe(before);
    expect(rig.sink.lines.at(-1)).toMatchObject({ type: 'REPORT', status: 'success' });
  });

  it('end when there is nothing to be seen', async () => {
    const rig = new Rig((atMs) => (atMs < 2_500 ? looked(atMs, { samples: new Map() }) : undefined));
    await rig.pass(6_000);
    expect(rig.looks).toHaveLength(4);
    expect(rig.isClosed).toBe(true);
    expect(await rig.end()).not.toHaveProperty('sampleSources');
    expect(rig.messages.filter((message) => message.includes('not looked at any more'))).toHaveLength(1);
  });

  it('that see nothing change no line, nor when it comes', async () => {
    const environment = { FARGAUGE_PROC_INTERVAL_MS: '300' };
    const blind = new Rig((atMs) => looked(atMs, { samples: new Map() }), environment, 1_000);
    const without = new Rig(() => undefined, environment, 1_000);
    for (const rig of [blind, without]) {
      await rig.pass(5_000);
      await rig.end();
    }
    expect(blind.looks.length).toBeGreaterThan(10);
    expect(blind.sink.lines.length).toBeGreaterThan(4);
    expect(blind.sink.lines).toEqual(without.sink.lines);
  });

  it('that cannot tell containers apart say so once, and go on', async () => {
    const rig = new Rig((atMs) => looked(atMs, { samples: new Map(), isAmbiguous: true }));
    await rig.pass(15_000);
    expect(rig.looks.length).toBeGreaterThan(12);
    await rig.end();
    expect(rig.messages.filter((message) => message.includes('cannot be told apart'))).toHaveLength(1);
    expect(rig.messages.filter((message) => message.includes('not looked at any more'))).toEqual([]);
  });

  it('that fail cost the looks, not the run', async () => {
    const rig = new Rig(() => {
      throw new Error('no more files');
    });
    await rig.pass(3_000);
    expect(rig.looks).toHaveLength(1);
    expect(await rig.end()).toMatchObject({ status: 'stopped' });
    expect(rig.messages).toContain('/proc is not looked at any more');
  });

  it('become rarer where each is dear, which is told once', async () => {
    const rig = new Rig((atMs) => looked(atMs, { costMs: 100 }), { FARGAUGE_PROC_INTERVAL_MS: '100' });
    await rig.pass(20_000);
    expect(rig.looks.length).toBeLessThan(8);
    await rig.end();
    expect(rig.messages.filter((message) => message.includes('more seldom'))).toHaveLength(1);
  });

  it('say in the REPORT how many processes were too many, and nothing of it where none was', async () => {
    const counts = [0, 3, 7, 2];
    const rig = new Rig((atMs) => looked(atMs, { leftOutCount: counts.shift() ?? 0 }));
    await rig.pass(6_000);
    expect(await rig.end()).toMatchObject({ leftOutProcessCount: 7 });
    const unseen = new Rig((atMs) => looked(atMs, { samples: new Map(), leftOutCount: 5 }));
    await unseen.pass(2_000);
    expect(await unseen.end()).not.toHaveProperty('leftOutProcessCount');
    const few = new Rig();
    await few.pass(2_000);
    expect(await few.end()).not.toHaveProperty('leftOutProcessCount');
  });
});
