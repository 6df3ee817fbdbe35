import { Readable, Writable } from 'node:stream';
import { report } from '../../src/cli/report.ts';
import { MONTH_END_MS } from '../report/month-of-runs.ts';

export interface Around {
  readonly input?: string;
  /** In place of one with the input. */
  readonly stdin?: Readable;
  readonly env?: NodeJS.ProcessEnv;
  readonly nowMs?: number;
  readonly terminal?: { readonly columns: number };
  readonly signals?: Pick<NodeJS.Process, 'on' | 'off'>;
}

/** The command, and what it said. Waiting takes no time, and each look at the clock is a second later. */
export async function runReport(argv: readonly string[], around: Around = {}) {
  const {
    input = '',
    stdin = Readable.from([input]),
    env = {},
    nowMs = MONTH_END_MS,
    terminal,
    signals = process,
  } = around;
  const stdout = new Sink(terminal !== undefined);
  const stderr = new Sink(terminal !== undefined);
  let elapsedMs = 0;
  const elapsed = () => {
    elapsedMs += 1_000;
    return elapsedMs;
  };
  const exitCode = await report(
    argv,
    { stdin, stdout, stderr },
    {
      env,
      clock: { now: () => nowMs, elapsed, sleep: async () => {} },
      signals,
      columns: terminal?.columns,
    },
  );
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

class Sink extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    done();
  }
}
