/** Writes lines through the CloudWatch Logs sink as fast as they are accepted, and prints what that took. */
import { systemClock } from '../../src/clock.ts';
import { createCloudWatchLogsSink } from '../../src/sinks/cloudwatch-logs.ts';
import type { OutputLine } from '../../src/sinks/sink.ts';
import { batchLog, REGION } from './batch-log.ts';
import type { Throughput } from './throughput.ts';

const ROUNDS = 30;
const LINES_PER_ROUND = 1_000;
/** About the length of a SUMMARY line. */
const TEXT = JSON.stringify({ type: 'SUMMARY', text: 'x'.repeat(900) });

const [url = ''] = process.argv.slice(2);
const sink = createCloudWatchLogsSink({
  region: REGION,
  endpoint: url,
  defaultTarget: batchLog(0),
  createLogGroup: false,
  credentialSource: { kind: 'environment', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
  clock: systemClock,
  random: Math.random,
  log: (level, fields, message) => process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`),
  onRefused: (reason) => {
    throw new Error(reason);
  },
});

async function deliver(lineCount: number): Promise<void> {
  const line: OutputLine = { type: 'SUMMARY', timeMs: Date.now(), text: TEXT };
  sink.write(Array.from({ length: lineCount }, () => line));
  await sink.flush(new AbortController().signal);
}

await deliver(LINES_PER_ROUND);
const rounds: Throughput[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const cpuBefore = process.cpuUsage();
  const startedAtMs = performance.now();
  await deliver(LINES_PER_ROUND);
  const elapsedMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  rounds.push({
    linesPerSecond: (LINES_PER_ROUND / elapsedMs) * 1000,
    cpuMsPerThousandLines: (user + system) / LINES_PER_ROUND,
  });
}
process.stdout.write(JSON.stringify(rounds));
process.exit(0);
