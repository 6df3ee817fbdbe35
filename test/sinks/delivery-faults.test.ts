import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { OutputLine } from '../../src/sinks/sink.ts';
import { FAULTS, type Fault } from '../support/cloudwatch-server.ts';
import { BATCH, type Delivery, HELPER, startDelivery } from './delivery.ts';

const BUFFER_BYTES = 1_500;

type Step =
  | { readonly kind: 'write'; readonly lines: readonly (readonly [OutputLine['type'], string | undefined])[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'fault'; readonly action: string; readonly fault: Fault }
  | { readonly kind: 'refuse connections' }
  | { readonly kind: 'accept connections' };

const slow: Fault = { kind: 'slow', delayMs: 2 };
const anyFault = fc.constantFrom<Fault>(...Object.values(FAULTS).filter(({ kind }) => kind !== 'slow'), slow);
const anyLine = fc.tuple(
  fc.constantFrom<OutputLine['type']>('START', 'SUMMARY', 'SUMMARY', 'SAMPLE', 'CONTAINER', 'RECORD'),
  fc.constantFrom('app', 'helper', undefined),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      lines: fc.array(anyLine, { minLength: 1, maxLength: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      action: fc.constantFrom('PutLogEvents', 'PutLogEvents', 'PutLogEvents', 'CreateLogStream'),
      fault: anyFault,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'refuse connections' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'accept connections' as const }) },
);

async function waitFor({ clock, driveUntil }: Delivery, ms: number): Promise<void> {
  const endMs = clock.now() + ms;
  void clock.sleep(ms);
  await driveUntil(() => clock.now() >= endMs);
}

const originOf = (line: OutputLine) => (line.container === 'helper' ? HELPER : BATCH).logStreamName;

it('whatever fails: every line is stored unaltered and in order, or given back, or counted as dropped', async () => {
  let storedCount = 0;
  let givenBackCount = 0;
  let droppedCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 25 }),
      fc.array(anyFault, { maxLength: 4 }),
      fc.integer({ min: 1_000, max: 28_000 }),
      fc.boolean(),
      fc.array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 1 }),
      async (steps, lastFaults, budgetMs, areStreamsThere, randoms) => {
        let drawn = 0;
        const givenBack: OutputLine[] = [];
        const delivery = await startDelivery({
          streams: areStreamsThere ? [BATCH, HELPER] : [],
          sink: {
            maxBufferBytes: BUFFER_BYTES,
            random: () => randoms[drawn++ % randoms.length] ?? 0,
            onRefused: () => givenBack.push(...delivery.sink.takeUndelivered()),
          },
        });
        const { sink, server, clock, line, driveUntil } = delivery;
        try {
          const written: OutputLine[] = [];
          const write = (lines: readonly OutputLine[]) => {
            written.push(...lines.filter(({ type }) => type !== 'RECORD'));
            sink.write(lines);
          };
          let isRefusing = false;
          for (const step of steps) {
            if (step.kind === 'write') write(step.lines.map(([type, container]) => line(type, container)));
            else if (step.kind === 'wait') await waitFor(delivery, step.ms);
            else if (step.kind === 'fault') server.inject([step.fault], step.action);
            else if (step.kind === 'refuse connections' && !isRefusing) {
              isRefusing = true;
              await server.refuse();
            } else if (step.kind === 'accept connections' && isRefusing) {
              isRefusing = false;
              await server.accept();
            }
            const keptBytes = written
              .filter(({ type }) => type === 'CONTAINER')
              .reduce((sum, { text }) => sum + Buffer.byteLength(text) + 26, 0);
            expect(sink.backlog.waitingBytes).toBeLessThanOrEqual(Math.max(BUFFER_BYTES, keptBytes));
          }

          server.inject(lastFaults);
          write([line('CONTAINER', 'helper'), line('REPORT')]);
          const deadlineMs = clock.now() + budgetMs;
          const deadline = new AbortController();
          void clock.sleep(budgetMs).then(() => deadline.abort());
          let isAllOut: boolean | undefined;
          void sink.flush(deadline.signal).then((result) => {
            isAllOut = result;
          });
          await driveUntil(() => isAllOut !== undefined);
          expect(clock.now()).toBeLessThanOrEqual(deadlineMs);
          expect(sink.backlog.isCallInFlight).toBe(false);
          expect(isAllOut).toBe(sink.backlog.waitingLineCount === 0);
          givenBack.push(...sink.takeUndelivered());

          const origins = new Map(written.map((each) => [each.text, each]));
          const arrived = server.requests.flatMap((request) =>
            request.stored.map((event) => ({ event, streamName: request.target.logStreamName })),
          );
          for (const { event } of arrived) expect(origins.get(event.message)?.timeMs).toBe(event.timestamp);

          for (const streamName of [BATCH.logStreamName, HELPER.logStreamName]) {
            for (const originName of [BATCH.logStreamName, HELPER.logStreamName]) {
              const texts = arrived
                .filter((each) => each.streamName === streamName)
                .map(({ event }) => event.message);
              const expected = written
                .filter((each) => originOf(each) === originName)
                .map(({ text }) => text);
              const firsts = [...new Set(texts)].filter((text) => expected.includes(text));
              expect(firsts).toEqual(expected.filter((text) => firsts.includes(text)));
            }
          }
          const there = new Set([
            ...arrived.map(({ event }) => event.message),
            ...givenBack.map(({ text }) => text),
          ]);
          const lost = written.filter(({ text }) => !there.has(text));
          expect(lost.length).toBeLessThanOrEqual(sink.droppedLineCount);
          expect(lost.filter(({ type }) => type === 'CONTAINER' || type === 'REPORT')).toEqual([]);
          expect(new Set(givenBack).size).toBe(givenBack.length);
          expect(server.refusals).toEqual([]);
          storedCount += arrived.length;
          givenBackCount += givenBack.length;
          droppedCount += sink.droppedLineCount;
        } finally {
          await server.close();
        }
      },
    ),
    { numRuns: Number(process.env.DELIVERY_TEST_RUNS ?? 40) },
  );
  // The runs together met each of the three ends.
  expect(Math.min(storedCount, givenBackCount, droppedCount)).toBeGreaterThan(0);
});
