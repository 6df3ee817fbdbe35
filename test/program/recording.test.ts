import { expect, it } from 'vitest';
import { Replay } from '../../src/cli/replay.ts';
import type { ParsedLine } from '../support/program.ts';
import { BATCH, DEADLINE_TESTS, expectOrderlyEnd, SIDECAR, withProgram } from '../support/program-test.ts';

/** What a recording cannot or must not keep: whose task it was, the count of lines, what the loop alone counts … */
const NOT_RECORDED = new Set(
  'seq job cluster taskId taskArn family revision region accountId availabilityZone container image missedPollCount'.split(
    ' ',
  ),
);

/** … and, told by clocks read a moment apart, what moves with them. */
const MOVES_WITH_CLOCK = new Set(
  'time durationMs windowMs billedDurationMs unseenTailMs coveragePercent'.split(' '),
);

function comparable(lines: readonly ParsedLine[]): unknown {
  return lines
    .filter(({ type }) => type !== 'RECORD')
    .map((line) =>
      Object.fromEntries(
        Object.entries(line).filter(([name]) => !NOT_RECORDED.has(name) && !MOVES_WITH_CLOCK.has(name)),
      ),
    );
}

// A replay takes it that polls came on time.
it.concurrent('a recording, names and ids scrubbed, replays to the same lines', DEADLINE_TESTS, () =>
  withProgram(
    {
      containers: [BATCH, { name: 'secret-proxy' }, SIDECAR],
      environment: {
        FARGAUGE_RECORD: 'true',
        FARGAUGE_BATCH: 'batch',
        FARGAUGE_CONTAINERS: '!secret-*',
        FARGAUGE_SUMMARY_INTERVAL_SECONDS: '3',
      },
    },
    async (program, task) => {
      await program.line('SUMMARY');
      task.exit('batch', 4);
      const ended = await program.ended;
      expectOrderlyEnd(ended, 20_000);

      const recording = ended.lines
        .filter(({ type }) => type === 'RECORD')
        .map((line) => JSON.stringify(line));
      for (const secret of ['secret-proxy', 'nightly', '0123456789abcdef']) {
        expect(recording.join('\n')).not.toContain(secret);
      }
      const replay = new Replay();
      for (const line of recording) replay.read(line);
      const replayed = replay.end().map((text) => JSON.parse(text) as ParsedLine);
      expect(comparable(replayed)).toEqual(comparable(ended.lines));
    },
  ),
);
