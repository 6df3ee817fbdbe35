import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Aws } from '../../src/notifier/aws.ts';
import type { DefinedContainer, LogLocation, TaskDefinition } from '../../src/notifier/log-location.ts';
import { Notifier } from '../../src/notifier/notifier.ts';
import { parseSettings } from '../../src/notifier/settings.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { CHANNELS, type SlackServer, startSlackServer } from '../support/slack-server.ts';
import { linesOfTask, readEvent } from './recorded-events.ts';
import { SkippingClock } from './skipping-clock.ts';

const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf';
const REMAINING_MS = 60_000;

/** AWS as the notifier sees it, with what it was asked. */
class FakeAws implements Aws {
  readonly asked: string[] = [];
  definition: TaskDefinition | Error = { containers: [defined('nightly-batch'), defined('fargauge')] };
  secret = 'xoxb-1';
  /** Looks at each log stream that bring nothing, before the lines are there. */
  lateLooks = 0;
  pageLength = 1_000;
  readonly logs = new Map<string, readonly string[]>();
  failure: Error | undefined;
  /** How long each call takes, ms; one that is given less is given up. */
  callMs = 0;
  readonly #clock: SkippingClock;

  constructor(clock: SkippingClock) {
    this.#clock = clock;
  }

  /** Calls that are made at once take their time at once. */
  async #take(timeoutMs: number): Promise<void> {
    const endMs = this.#clock.elapsed() + Math.min(this.callMs, timeoutMs);
    await Promise.resolve();
    this.#clock.advance(Math.max(0, endMs - this.#clock.elapsed()));
    if (this.callMs >= timeoutMs) throw named('TimeoutError');
  }

  async describeTaskDefinition(_: string, timeoutMs: number): Promise<TaskDefinition> {
    this.asked.push('definition');
    await this.#take(timeoutMs);
    if (this.definition instanceof Error) throw this.definition;
    return this.definition;
  }

  async *readTail(
    { logGroupName, logStreamName }: LogLocation,
    _: number,
    timeoutMs: number,
  ): AsyncIterable<readonly string[]> {
    const looks = this.count(logStreamName);
    this.asked.push(logStreamName);
    await this.#take(timeoutMs);
    if (this.failure) throw this.failure;
    const lines = this.logs.get(`${logGroupName} ${logStreamName}`);
    if (lines === undefined) throw named('ResourceNotFoundException');
    if (looks >= this.lateLooks) yield* chunks(lines, this.pageLength);
  }

  async readSecret(_: string, timeoutMs: number): Promise<string> {
    this.asked.push('secret');
    await this.#take(timeoutMs);
    return this.secret;
  }

  count(what: string): number {
    return this.asked.filter((each) => each === what).length;
  }
}

/** The last one first. */
function chunks(lines: readonly string[], length: number): readonly (readonly string[])[] {
  const count = Math.ceil(lines.length / length);
  return Array.from({ length: count }, (_, index) => {
    const end = lines.length - index * length;
    return lines.slice(Math.max(0, end - length), end);
  });
}

function defined(name: string): DefinedContainer {
  return {
    name,
    isEssential: name !== 'fargauge',
    environment: new Map(),
    awslogs: { region: 'us-east-1', logGroupName: '/ecs/nightly-batch', streamPrefix: 'ecs' },
  };
}

function named(name: string): Error {
  return Object.assign(new Error('said AWS'), { name });
}

let slack: SlackServer;
let aws: FakeAws;
let clock: SkippingClock;
let logged: Readonly<Record<string, unknown>>[];
let notifier: Notifier;

function createNotifier(variables: Readonly<Record<string, string>> = {}): Notifier {
  const settings = parseSettings({
    FARGAUGE_SLACK_SECRET_ARN: SECRET_ARN,
    FARGAUGE_SLACK_SUCCESS_CHANNEL: CHANNELS.success,
    FARGAUGE_SLACK_FAILURE_CHANNEL: CHANNELS.failure,
    FARGAUGE_SLACK_FAILURE_MENTION: 'here',
    FARGAUGE_SLACK_API_URL: slack.apiUrl,
    ...variables,
  });
  return new Notifier({ settings, aws, clock, random: () => 0.5, log: (fields) => void logged.push(fields) });
}

beforeEach(async () => {
  slack = await startSlackServer();
  clock = new SkippingClock();
  aws = new FakeAws(clock);
  logged = [];
  notifier = createNotifier();
});
afterEach(() => slack.close());

const outOfMemory = readEvent('fargate-out-of-memory');
const success = readEvent('fargate-scheduled-success');

function leaveLines(event: unknown, shape: string, container = 'nightly-batch'): void {
  const parsed = parseEvent(event);
  if (parsed.kind !== 'task') throw new Error('the event has no task');
  aws.logs.set(`/ecs/nightly-batch ecs/${container}/${parsed.task.taskId}`, linesOfTask(parsed.task, shape));
}

const lastText = () => slack.taken.at(-1)?.text;
const lastBlocks = () => JSON.stringify(slack.taken.at(-1)?.blocks);

describe('the notifier', () => {
  it('tells of a success and of a failure on their channels, with the figures', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2');
    leaveLines(success, 'fargate-cgroup-v1');
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toEqual({
      kind: 'sent',
      result: 'failure',
      taskId: '5b64c49eb10e4b4bbeb051b02a02c58a',
      hasReport: true,
    });
    expect(await notifier.notify(success, REMAINING_MS)).toMatchObject({
      result: 'success',
      hasReport: true,
    });
    expect(slack.taken).toMatchObject([
      {
        channel: CHANNELS.failure,
        text: '❌ nightly-batch failed: OutOfMemory, memory peak 246 MB of 256 MB (96.09 %) in resize; peak 278 MB in all, duration 5.9 s, task 5b64c49e <!here>',
        mentions: ['!here'],
      },
      {
        channel: CHANNELS.success,
        text: '✅ nightly-batch succeeded, memory peak 420 MB of 1024 MB (41.02 %), duration 46.3 s, task 1f4c0f1d',
        mentions: [],
      },
    ]);
    // The REPORT was there at once, and the secret is kept.
    expect(clock.slept).toEqual([]);
    expect(aws.count('secret')).toBe(1);
  });

  it('waits for lines that come after the event', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2');
    aws.lateLooks = 3;
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: true });
    expect(clock.slept).toEqual([375, 750, 1_500]);
  });

  it('finds them in the sidecar’s own log, too', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2', 'fargauge');
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: true });
  });

  it('takes no other task’s REPORT', async () => {
    const { taskId } = JSON.parse(linesFor(success)[0] ?? '{}');
    expect(taskId).toBe('1f4c0f1d7e0b4c3c8f3a4b1f0a9e6d21');
    aws.logs.set('/ecs/nightly-batch ecs/nightly-batch/5b64c49eb10e4b4bbeb051b02a02c58a', linesFor(success));
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: false });
  });

  it('goes out without figures when none come in time, and says so', async () => {
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({
      result: 'failure',
      hasReport: false,
    });
    expect(lastText()).toBe(
      '❌ nightly-batch failed: OutOfMemory, duration 26 min 10 s, task 5b64c49e <!here>',
    );
    expect(lastBlocks()).toContain('No figures: the REPORT did not come within 20 s.');
    expect(clock.elapsed()).toBeLessThanOrEqual(20_000);
    expect(clock.elapsed()).toBeGreaterThan(15_000);
  });

  it('keeps enough of the function’s time for Slack', async () => {
    await notifier.notify(outOfMemory, 25_000);
    expect(clock.elapsed()).toBeLessThanOrEqual(9_000);
    const sleepCount = clock.slept.length;
    await notifier.notify(outOfMemory, 10_000);
    expect(clock.slept).toHaveLength(sleepCount);
    expect(slack.taken).toHaveLength(2);
  });

  it.each([
    [REMAINING_MS, 6_100, 'the REPORT did not come within 20 s'],
    [REMAINING_MS, 1_000_000, 'its task definition could not be read'],
    [26_000, 6_100, 'the REPORT did not come within 4 s'],
    [20_000, 3_000, 'the REPORT did not come within 1 s'],
  ])('does so where AWS is slow: of %i ms, with calls of %i ms', async (remainingMs, callMs, reason) => {
    const names = Array.from({ length: 10 }, (_, index) =>
      index === 0 ? 'nightly-batch' : `helper-${index}`,
    );
    aws.definition = { containers: [...names.map(defined), defined('fargauge')] };
    await notifier.notify(success, REMAINING_MS);
    aws.callMs = callMs;
    const startMs = clock.elapsed();
    expect(await notifier.notify(outOfMemory, remainingMs)).toMatchObject({ kind: 'sent', hasReport: false });
    expect(clock.elapsed() - startMs).toBeLessThanOrEqual(remainingMs - 16_000);
    expect(lastBlocks()).toContain(`No figures: ${reason}.`);
  });

  it('takes the figures of a log that answers although another one does not', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2');
    const readTail = aws.readTail.bind(aws);
    aws.readTail = async function* (location, sinceMs, timeoutMs) {
      if (location.logStreamName.includes('/fargauge/')) {
        clock.advance(timeoutMs);
        throw named('TimeoutError');
      }
      yield* readTail(location, sinceMs, timeoutMs);
    };
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: true });
    expect(clock.elapsed()).toBeLessThanOrEqual(8_000);
  });

  it('says in time that the secret cannot be read', async () => {
    aws.callMs = 100_000;
    await expect(notifier.notify(outOfMemory, REMAINING_MS)).rejects.toThrow(
      `the secret ${SECRET_ARN} could not be read: TimeoutError`,
    );
    expect(clock.elapsed()).toBeLessThan(REMAINING_MS);
  });

  it('finds the REPORT behind what the batch logs after it', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2');
    const [[stream, lines = []] = ['', []]] = aws.logs;
    aws.pageLength = 10;
    aws.logs.set(stream, [...lines, ...Array.from({ length: 30 }, (_, index) => `winding down ${index}`)]);
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: true });
    const whole = lastText();
    expect(whole).toContain('in resize');
    // Its CONTAINER lines on the page before.
    aws.pageLength = 1;
    await notifier.notify(outOfMemory, REMAINING_MS);
    expect(lastText()).toBe(whole);
  });

  it.each<[string, () => void, Record<string, unknown>, string]>([
    ['the task never ran', () => {}, readEvent('fargate-pull-failure'), 'No figures: the task never ran.'],
    [
      'the task definition cannot be read',
      () => {
        aws.definition = named('AccessDeniedException');
      },
      outOfMemory,
      'No figures: its task definition could not be read.',
    ],
    [
      'there is no sidecar',
      () => {
        aws.definition = { containers: [defined('nightly-batch')] };
      },
      outOfMemory,
      'No figures: its task definition has no sidecar.',
    ],
    [
      'nothing logs to CloudWatch Logs',
      () => {
        aws.definition = { containers: [{ ...defined('nightly-batch'), awslogs: undefined }] };
      },
      outOfMemory,
      'No figures: its task definition names no log group of CloudWatch Logs.',
    ],
    [
      'the log may not be read',
      () => {
        aws.failure = named('AccessDeniedException');
      },
      outOfMemory,
      'No figures: its log could not be read: AccessDeniedException: said AWS.',
    ],
  ])('does not wait when %s', async (_, arrange, event, words) => {
    arrange();
    expect(await notifier.notify(event, REMAINING_MS)).toMatchObject({ kind: 'sent', hasReport: false });
    expect(lastBlocks()).toContain(words);
    expect(clock.slept).toEqual([]);
  });

  it('tells of a log that may not be read although another one may', async () => {
    const readTail = aws.readTail.bind(aws);
    aws.readTail = async function* (location, sinceMs, timeoutMs) {
      if (location.logStreamName.includes('/fargauge/')) throw named('AccessDeniedException');
      yield* readTail(location, sinceMs, timeoutMs);
    };
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ hasReport: false });
    expect(lastBlocks()).toContain(
      'No figures: the REPORT did not come within 20 s; a log could not be read: AccessDeniedException: said AWS.',
    );
    expect(logged).toEqual([
      {
        level: 'warn',
        message: 'a log could not be read',
        logGroupName: '/ecs/nightly-batch',
        logStreamName: 'ecs/fargauge/5b64c49eb10e4b4bbeb051b02a02c58a',
        reason: 'AccessDeniedException: said AWS',
      },
    ]);
  });

  it('looks again where CloudWatch Logs is throttled', async () => {
    aws.failure = named('ThrottlingException');
    await notifier.notify(outOfMemory, REMAINING_MS);
    expect(aws.asked.length).toBeGreaterThan(10);
    expect(lastBlocks()).toContain('the REPORT did not come');
  });

  it('tells of anonymous memory where that is all that was seen of a peak', async () => {
    const line = {
      fargaugeVersion: '0.1.0',
      taskId: '5b64c49eb10e4b4bbeb051b02a02c58a',
      errorType: 'OutOfMemory',
    };
    const time = '2024-11-13T21:22:46.000Z';
    const lines = [
      { ...line, type: 'CONTAINER', time, seq: 1, container: 'etl', memorySizeMB: 512, maxAnonMemoryMB: 511 },
      {
        ...line,
        type: 'REPORT',
        time,
        seq: 2,
        memorySizeMB: 1024,
        maxMemoryUsedMB: 90,
        maxAnonMemoryMB: 520,
      },
    ].map((each) => JSON.stringify(each));
    aws.logs.set(`/ecs/nightly-batch ecs/nightly-batch/${line.taskId}`, lines);
    await notifier.notify(outOfMemory, REMAINING_MS);
    expect(lastText()).toContain(
      'memory peak 511 MB anonymous of 512 MB (99.8 %) in etl; peak 520 MB anonymous of 1024 MB (50.78 %) in all',
    );
  });

  it('gives the same notice for the same event', async () => {
    leaveLines(outOfMemory, 'ec2-bridge-cgroup-v2');
    await notifier.notify(outOfMemory, REMAINING_MS);
    await notifier.notify(outOfMemory, REMAINING_MS);
    const [first, second] = slack.taken;
    expect(second).toEqual(first);
    expect(first?.text).toContain('task 5b64c49e');
  });

  it('counts what it skips, and asks nothing for it', async () => {
    const running = readEvent('fargate-running');
    expect(await notifier.notify(running, REMAINING_MS)).toEqual({
      kind: 'skipped',
      reason: 'not-stopped',
      count: 1,
    });
    expect(await notifier.notify(running, REMAINING_MS)).toEqual({
      kind: 'skipped',
      reason: 'not-stopped',
      count: 2,
    });
    for (const event of [readEvent('service-action'), undefined, 7, []]) {
      expect(await notifier.notify(event, REMAINING_MS)).toMatchObject({
        kind: 'skipped',
        reason: 'other-event',
      });
    }
    expect(aws.asked).toEqual([]);
    expect(slack.requestCount).toBe(0);
  });

  it('skips what is of another family, and asks nothing for it', async () => {
    notifier = createNotifier({ FARGAUGE_SLACK_FAMILIES: 'engine,*-batch,!weekly-*' });
    const ofFamily = (family: string) => {
      const taskDefinitionArn = `arn:aws:ecs:us-east-1:123456789012:task-definition/${family}:3`;
      return notifier.notify({ ...success, detail: { ...success.detail, taskDefinitionArn } }, REMAINING_MS);
    };
    for (const family of ['engines', 'my-engine', 'weekly-batch']) {
      expect(await ofFamily(family)).toMatchObject({ kind: 'skipped', reason: 'other-family' });
    }
    expect(aws.asked).toEqual([]);
    expect(await ofFamily('engine')).toMatchObject({ kind: 'sent' });
    expect(await ofFamily('nightly-batch')).toMatchObject({ kind: 'sent' });
  });

  it('skips a result without a channel', async () => {
    notifier = createNotifier({ FARGAUGE_SLACK_SUCCESS_CHANNEL: '' });
    expect(await notifier.notify(success, REMAINING_MS)).toEqual({
      kind: 'skipped',
      reason: 'unwanted',
      count: 1,
    });
    expect(await notifier.notify(outOfMemory, REMAINING_MS)).toMatchObject({ kind: 'sent' });
  });

  it('reads the secret again when the token was replaced, once', async () => {
    await notifier.notify(success, REMAINING_MS);
    slack.token = 'xoxb-2';
    aws.secret = 'xoxb-2';
    await notifier.notify(success, REMAINING_MS);
    expect(slack.taken).toHaveLength(2);
    slack.token = 'xoxb-3';
    await expect(notifier.notify(success, REMAINING_MS)).rejects.toThrow('invalid_auth');
    expect(aws.count('secret')).toBe(3);
    // The one that did not work is not kept.
    aws.secret = 'xoxb-3';
    await notifier.notify(success, REMAINING_MS);
    expect(slack.taken).toHaveLength(3);
  });

  it('throws what could not be sent, so that the event comes again', async () => {
    slack.inject(...Array.from({ length: 99 }, () => ({ kind: 'answer', status: 500 }) as const));
    await expect(notifier.notify(success, REMAINING_MS)).rejects.toThrow('HTTP 500; no time is left');
    expect(clock.elapsed()).toBeLessThan(REMAINING_MS);
    aws.secret = 'hunter2';
    await expect(createNotifier().notify(success, REMAINING_MS)).rejects.toThrow('it must be a bot token');
  });
});

function linesFor(event: unknown): readonly string[] {
  const parsed = parseEvent(event);
  if (parsed.kind !== 'task') throw new Error('the event has no task');
  return linesOfTask(parsed.task, 'fargate-cgroup-v1');
}

/** Text as an attacker or a careless hand would write it. */
const nasty = fc.oneof(
  fc.constantFrom(
    '<!channel>',
    '<@U012AB3CD>',
    '@here',
    '#general',
    '&amp;',
    '`',
    '*',
    '😀'.repeat(900),
    '\n',
    '<http://x|y>',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('&', '<', '>', '😀', '\ud83d', '`', '|'), maxLength: 1_500 }),
  fc.string({ maxLength: 3 }).map((text) => text.repeat(2_000)),
);
const rarely = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 4 });
const anything = fc.jsonValue({ maxDepth: 2 });

/** A stopped task of which anything may be anything. */
const anyEvent = fc
  .record({
    containers: fc.oneof(
      fc.array(
        fc.record({
          name: fc.oneof(nasty, fc.constantFrom('nightly-batch', 'fargauge')),
          exitCode: fc.oneof(fc.constantFrom(0, 1, 137), fc.integer(), anything),
          reason: rarely(fc.oneof(nasty, fc.constant('OutOfMemoryError: killed'), anything)),
        }),
        { maxLength: 14 },
      ),
      anything,
    ),
    stopCode: fc.oneof(
      fc.constantFrom('EssentialContainerExited', 'TaskFailedToStart', 'UserInitiated', 'SpotInterruption'),
      nasty,
      anything,
    ),
    stoppedReason: fc.oneof(nasty, anything),
    startedBy: fc.oneof(nasty, fc.constant('chronos-schedule/<!here>'), anything),
    group: fc.oneof(
      nasty.map((name) => `family:${name}`),
      anything,
    ),
    taskDefinitionArn: rarely(fc.oneof(nasty, fc.constant(outOfMemory.detail.taskDefinitionArn))),
    clusterArn: fc.oneof(nasty, fc.constant('arn:aws:ecs:us-east-1:123456789012:cluster/batch')),
    startedAt: rarely(fc.oneof(fc.constant('2024-11-13T20:56:36.540Z'), anything)),
  })
  .map((detail) => ({ ...outOfMemory, detail: { ...outOfMemory.detail, ...detail } }));

/** A REPORT of which every text is nasty: anybody who writes into the log may write one. */
const anyReport = fc.record({
  status: fc.constantFrom('success', 'failure', 'stopped'),
  job: nasty,
  container: nasty,
  oomEvidence: nasty,
  maxMemoryUsedMB: fc.maxSafeInteger(),
});

describe('whatever comes', () => {
  it('Slack takes every message of a thousand, and nothing in one mentions but the mention that is set', async () => {
    notifier = createNotifier({ FARGAUGE_REPORT_WAIT_SECONDS: '0' });
    const [line = ''] = linesFor(outOfMemory).filter((each) => each.includes('"REPORT"'));
    await fc.assert(
      fc.asyncProperty(anyEvent, rarely(anyReport), async (event, report) => {
        aws.logs.clear();
        if (report) {
          const lines = ['REPORT', 'CONTAINER'].map((type) =>
            JSON.stringify({ ...JSON.parse(line), ...report, type, memorySizeMB: type.length }),
          );
          aws.logs.set('/ecs/nightly-batch ecs/nightly-batch/5b64c49eb10e4b4bbeb051b02a02c58a', lines);
        }
        const takenCount = slack.taken.length;
        const notified = await notifier.notify(event, REMAINING_MS);
        expect(slack.refusals).toEqual([]);
        expect(slack.taken.length).toBe(takenCount + 1);
        const isFailure = notified.kind === 'sent' && notified.result === 'failure';
        expect(slack.taken.at(-1)?.mentions).toEqual(isFailure ? ['!here'] : []);
      }),
      { numRuns: 1_000 },
    );
    expect(slack.taken).toHaveLength(1_000);
  });

  it('four long reasons and a long evidence are one notice', async () => {
    const containers = ['a', 'b', 'c', 'd'].map((name) => ({ name, reason: name.repeat(1_000) }));
    const detail = { ...outOfMemory.detail, containers, stoppedReason: 's'.repeat(1_000) };
    const event = { ...outOfMemory, detail };
    const [line = ''] = linesFor(outOfMemory).filter((each) => each.includes('"REPORT"'));
    const report = JSON.stringify({ ...JSON.parse(line), status: 'failure', oomEvidence: 'e'.repeat(1_000) });
    aws.logs.set('/ecs/nightly-batch ecs/nightly-batch/5b64c49eb10e4b4bbeb051b02a02c58a', [report]);
    expect(await notifier.notify(event, REMAINING_MS)).toMatchObject({ hasReport: true });
    expect(slack.refusals).toEqual([]);
    expect(lastBlocks()).toContain('Evidence: eee');
  });

  it('256 KB of it are one notice, too', async () => {
    const containers = Array.from({ length: 10 }, (_, index) => ({
      name: `c${index}`,
      exitCode: index,
      reason: `${index}${'<&>'.repeat(8_000)}`,
    }));
    const event = { ...outOfMemory, detail: { ...outOfMemory.detail, containers } };
    expect(JSON.stringify(event).length).toBeGreaterThan(240_000);
    expect(await notifier.notify(event, REMAINING_MS)).toMatchObject({ kind: 'sent', result: 'failure' });
    expect(slack.refusals).toEqual([]);
    expect(lastBlocks()).toContain('and 7 more');
  });
});
