import { basename } from 'node:path';
import { isFargateSize, nearestFargateSizes, type TaskSize } from '../core/fargate-sizes.ts';
import { SIDECAR_NAME } from '../deploy/sidecar-container.ts';
import { parseCommandLine } from './command-line.ts';

export interface RunOptions {
  /** Name of the batch's container, and the task's family. */
  readonly name: string;
  readonly job?: string;
  readonly size?: TaskSize;
  readonly refreshMs: number;
  /** `-` is stdout; absent is stderr. */
  readonly output?: string;
  readonly command: string;
  readonly commandArguments: readonly string[];
}

export type ParsedRunOptions =
  | { readonly ok: true; readonly options: RunOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Amazon ECS: a container's name has up to 255 letters, digits, hyphens and underscores; so has a family's. */
const CONTAINER_NAME = /^[A-Za-z0-9_-]{1,255}$/;
const REFRESH_MS = { default: 1000, min: 100, max: 60_000 };

/** @returns the options, or every problem with them, in words for a person. */
export function parseRunOptions(argv: readonly string[]): ParsedRunOptions {
  const separator = argv.indexOf('--');
  const [command, ...commandArguments] = separator < 0 ? [] : argv.slice(separator + 1);
  if (command === undefined || command === '') {
    return { ok: false, problems: ['give the command after --, as in: fargauge run -- ./nightly.sh --fast'] };
  }
  let parsed: ReturnType<typeof parseOwnArguments>;
  try {
    parsed = parseOwnArguments(argv.slice(0, separator));
  } catch (error) {
    return { ok: false, problems: [(error as Error).message] };
  }

  const { values, positionals } = parsed;
  const problems = positionals.map(
    (word) => `${JSON.stringify(word)} is no option; the command stands after --`,
  );
  const { name = nameOf(command), job, output, cpu, memory } = values;
  if (!CONTAINER_NAME.test(name) || name === SIDECAR_NAME) {
    problems.push(
      `--name ${JSON.stringify(name)} is not allowed: it must be 1 to 255 letters, digits, hyphens and ` +
        `underscores, and not ${SIDECAR_NAME}, which is the sidecar's`,
    );
  }
  const refreshMs = wholeNumber(values['refresh-ms'] ?? `${REFRESH_MS.default}`);
  if (refreshMs === undefined || refreshMs < REFRESH_MS.min || refreshMs > REFRESH_MS.max) {
    problems.push(
      `--refresh-ms ${values['refresh-ms']} is not allowed: it must be a whole number from ${REFRESH_MS.min} ` +
        `to ${REFRESH_MS.max}`,
    );
  }
  const size = parseSize(cpu, memory);
  if (typeof size === 'string') problems.push(size);
  if (problems.length > 0 || refreshMs === undefined || typeof size === 'string')
    return { ok: false, problems };
  return {
    ok: true,
    options: {
      name,
      ...(job !== undefined && { job }),
      ...(size && { size }),
      refreshMs,
      ...(output !== undefined && { output }),
      command,
      commandArguments,
    },
  };
}

function parseOwnArguments(args: readonly string[]) {
  return parseCommandLine(args, {
    name: { type: 'string' },
    job: { type: 'string' },
    cpu: { type: 'string' },
    memory: { type: 'string' },
    'refresh-ms': { type: 'string' },
    output: { type: 'string' },
  });
}

/** The size that was asked for, undefined for none, or what is wrong with it. */
function parseSize(cpu: string | undefined, memory: string | undefined): TaskSize | undefined | string {
  if (cpu === undefined && memory === undefined) return undefined;
  if (cpu === undefined || memory === undefined) {
    return 'give both --cpu and --memory, or neither: Fargate sells them in pairs, such as --cpu 256 --memory 512';
  }
  const cpuUnits = wholeNumber(cpu);
  const memoryMiB = wholeNumber(memory);
  if (!cpuUnits || !memoryMiB) {
    return (
      `--cpu ${cpu} --memory ${memory} is not allowed: both must be whole numbers, CPU units (1024 = 1 vCPU) ` +
      'and MB, such as --cpu 256 --memory 512'
    );
  }
  const size = { cpuUnits, memoryMiB };
  if (isFargateSize(size)) return size;
  const nearest = nearestFargateSizes(size).map(
    (pair) => `--cpu ${pair.cpuUnits} --memory ${pair.memoryMiB}`,
  );
  return `Fargate sells no task with --cpu ${cpu} --memory ${memory}; the nearest are ${nearest.join(', ')}`;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A container's name made of the command's. */
function nameOf(command: string): string {
  const name = basename(command)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .slice(0, 255);
  return name === '' || name === SIDECAR_NAME ? 'batch' : name;
}
