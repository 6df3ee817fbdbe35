import { setImmediate } from 'node:timers/promises';
import {
  type CloudWatchLogsOptions,
  type CloudWatchLogsSink,
  createCloudWatchLogsSink,
} from '../../src/sinks/cloudwatch-logs.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';
import {
  type CloudWatchServer,
  type CloudWatchServerOptions,
  startCloudWatchServer,
} from '../support/cloudwatch-server.ts';
import { FakeClock } from '../support/fake-clock.ts';

export const GROUP = '/ecs/nightly';
/** The batch's own stream. */
export const BATCH = { logGroupName: GROUP, logStreamName: 'ecs/batch/0f9de17a' };
/** Where the container `helper` logs; every other one has no stream of its own. */
export const HELPER = { logGroupName: GROUP, logStreamName: 'ecs/helper/0f9de17a' };

/** A sink under test, the server it writes to, and a clock that both share. */
export interface Delivery {
  readonly sink: CloudWatchLogsSink;
  readonly server: CloudWatchServer;
  readonly clock: FakeClock;
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[];
  readonly refusals: string[];
  /** A line of now; `seq` counts up, as in the program. */
  line(type: OutputLine['type'], container?: string): OutputLine;
  /**
   * Lets time go on, always to the next moment that somebody waits for, and never while a call is on its way
   * (unless the server lets it hang), until `done`.
   *
   * @throws Error when nothing is left to wait for
   */
  driveUntil(done: () => boolean): Promise<void>;
}

export interface DeliverySetup {
  readonly server?: CloudWatchServerOptions;
  readonly sink?: Partial<CloudWatchLogsOptions>;
  /** Default: both streams. */
  readonly streams?: readonly (typeof BATCH)[];
}

export async function startDelivery(setup: DeliverySetup = {}): Promise<Delivery> {
  const clock = new FakeClock();
  const server = await startCloudWatchServer({ now: () => clock.now(), ...setup.server });
  server.createLogGroup(GROUP);
  for (const target of setup.streams ?? [BATCH, HELPER]) server.createLogStream(target);
  const logged: Delivery['logged'] = [];
  const refusals: string[] = [];
  const sink = createCloudWatchLogsSink({
    region: 'eu-central-1',
    defaultTarget: BATCH,
    targetOf: (container) => (container === 'helper' ? HELPER : undefined),
    createLogGroup: false,
    credentialSource: { kind: 'environment', accessKeyId: 'AKID', secretAccessKey: 'secret' },
    endpoint: server.url,
    clock,
    random: () => 0.5,
    log: (level, fields, message) => logged.push({ level, fields, message }),
    onRefused: (reason) => refusals.push(reason),
    ...setup.sink,
  });

  let seq = 0;
  const line = (type: OutputLine['type'], container?: string): OutputLine => {
    seq += 1;
    const timeMs = clock.now();
    const text = JSON.stringify({
      type,
      time: new Date(timeMs).toISOString(),
      seq,
      container,
      filler: 'é'.repeat(20),
    });
    return { type, timeMs, text, ...(container !== undefined && { container }) };
  };

  // A call that the sink has given up hangs on at the server for a moment more: what counts is the call that met it.
  let knownHungCount = 0;
  let hungCall = 0;
  const isHung = (): boolean => {
    const { callCount } = sink.counts;
    if (server.hungCount > knownHungCount) {
      knownHungCount = server.hungCount;
      hungCall = callCount;
    }
    return hungCall === callCount;
  };

  const driveUntil = async (done: () => boolean): Promise<void> => {
    while (!done()) {
      await setImmediate();
      if (done()) return;
      if (sink.backlog.isCallInFlight && !isHung()) continue;
      const waitMs = clock.nextWakeMs;
      if (waitMs === undefined) throw new Error(`nothing left to wait for: ${JSON.stringify(sink.backlog)}`);
      clock.advance(waitMs);
    }
  };
  return { sink, server, clock, logged, refusals, line, driveUntil };
}

/** Messages that stand in a stream, in the order they came. */
export function messages(server: CloudWatchServer, target: typeof BATCH): string[] {
  return server.stored(target).map(({ message }) => message);
}

/** `[action, stream]` of each request so far. */
export function calls(server: CloudWatchServer): string[] {
  return server.requests.map(
    ({ action, target }) => `${action} ${target.logStreamName ?? target.logGroupName}`,
  );
}
