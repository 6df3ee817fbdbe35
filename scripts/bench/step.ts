import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SIDECAR_V8_FLAGS } from '../../src/cli/sidecar-program.ts';
import { type Figure, spread } from './figure.ts';

/** What step-program.ts prints: µs of each poll. */
export interface StepTimes {
  readonly stepUs: readonly number[];
  readonly parseAndStepUs: readonly number[];
}

const STEP_PROGRAM = join(import.meta.dirname, 'step-program.ts');
const MAX_OUTPUT_BYTES = 1_048_576;

/** One poll's work on a payload of ten containers, in processes with the image's V8 flags and with none. */
export async function measureStep(): Promise<Figure[]> {
  return [
    ...figuresOf('image’s V8 flags', await stepTimes(SIDECAR_V8_FLAGS)),
    ...figuresOf('default V8 flags', await stepTimes([])),
  ];
}

async function stepTimes(v8Flags: readonly string[]): Promise<StepTimes> {
  const { stdout } = await promisify(execFile)(process.execPath, [...v8Flags, STEP_PROGRAM], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return JSON.parse(stdout) as StepTimes;
}

function figuresOf(flags: string, { stepUs, parseAndStepUs }: StepTimes): Figure[] {
  const subject = `poll of ten containers, ${flags}`;
  return [
    { subject, name: 'step', unit: 'µs', ...spread(stepUs), target: { of: 'value', atMost: 100 } },
    { subject, name: 'parse and step', unit: 'µs', ...spread(parseAndStepUs) },
  ];
}
