import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SIDECAR_V8_FLAGS } from '../../src/cli/sidecar-program.ts';
import { startCloudWatchServer } from '../../test/support/cloudwatch-server.ts';
import { batchLog, REGION } from './batch-log.ts';
import { type Figure, spread } from './figure.ts';

/** One thousand lines delivered in one request. */
export interface Throughput {
  readonly linesPerSecond: number;
  /** Of the writing process, user and system. */
  readonly cpuMsPerThousandLines: number;
}

const PROGRAM = join(import.meta.dirname, 'throughput-program.ts');

/** How fast lines of 900 bytes are accepted on loopback, by a process with the image's V8 flags. */
export async function measureThroughput(): Promise<Figure[]> {
  const cloudwatch = await startCloudWatchServer({ region: REGION });
  cloudwatch.createLogStream(batchLog(0));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...SIDECAR_V8_FLAGS,
      PROGRAM,
      cloudwatch.url,
    ]);
    const rounds = JSON.parse(stdout) as Throughput[];
    const subject = 'lines to CloudWatch Logs, at full speed';
    return [
      { subject, name: 'accepted', unit: 'lines/s', ...spread(rounds.map((round) => round.linesPerSecond)) },
      {
        subject,
        name: 'CPU time per 1,000 lines',
        unit: 'ms',
        ...spread(rounds.map((round) => round.cpuMsPerThousandLines)),
      },
    ];
  } finally {
    await cloudwatch.close();
  }
}
