/** `fargauge local`, built, on the engine of DOCKER_HOST. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { ParsedLine } from '../support/program.ts';
import { AWAIT_GO, EXCHANGE_MOUNT, Exchange } from './exchange.ts';

const CLI = join(import.meta.dirname, '../../dist/cli.cjs');

/** The sidecar's image, and one with Node and a shell for the containers beside it. */
export const SIDECAR_IMAGE = required('FARGAUGE_IMAGE');
export const BATCH_IMAGE = required('BATCH_IMAGE');

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: scripts/with-docker.ts sets it`);
  return value;
}

/** What `docker ARGUMENTS` says, line by line. */
export function docker(...args: readonly string[]): readonly string[] {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    .split('\n')
    .filter((line) => line !== '');
}

export interface LocalEnd {
  readonly exitCode: number;
  /** What the command said itself. */
  readonly said: readonly string[];
  /** By container, what it wrote to stdout. */
  readonly written: ReadonlyMap<string, readonly string[]>;
  /** The sidecar's lines. */
  readonly lines: readonly ParsedLine[];
  /** From the last signal to the end. */
  readonly elapsedMs: number;
}

/** A run of the command, from its start to its end. */
export class LocalCommand implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #stdout: string[] = [];
  readonly #stderr: string[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<number>;
  #signalledAtMs = performance.now();

  /** @param input the task definition, where the arguments say `-`. */
  constructor(args: readonly string[], input = '', env: NodeJS.ProcessEnv = process.env) {
    this.process = spawn(process.execPath, [CLI, 'local', ...args], { env });
    this.process.stdin?.end(input);
    this.#ended = this.#end();
  }

  async #end(): Promise<number> {
    const { stdout, stderr } = this.process as ChildProcess & { stdout: Readable; stderr: Readable };
    const exited = once(this.process, 'exit');
    await Promise.all([this.#read(stdout, this.#stdout), this.#read(stderr, this.#stderr)]);
    const [exitCode, signal] = await exited;
    return exitCode ?? signal;
  }

  async #read(stream: Readable, lines: string[]): Promise<void> {
    for await (const line of createInterface({ input: stream })) {
      lines.push(line);
      for (const wake of this.#waiting) wake();
    }
  }

  /** Resolves when the command, or a container by way of it, has written this; fails when it ends without. */
  wrote(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(
      () => firstOf([...this.#stdout, ...this.#stderr], (line) => pattern.exec(line)),
      pattern,
    );
  }

  /** The newest of the sidecar's lines of that type, as soon as there is one; fails when the command ends without. */
  line(type: string, alsoMatches: (line: ParsedLine) => boolean = () => true): Promise<ParsedLine> {
    const matches = (line: ParsedLine) => line.type === type && alsoMatches(line);
    return this.#until(() => this.lines.findLast(matches), `a ${type} line: ${alsoMatches}`);
  }

  async #until<T>(find: () => T | null | undefined, what: unknown): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found) resolve(found);
    };
    this.#waiting.add(look);
    look();
    const end = this.#ended.then(() => {
      const found = find();
      if (found) return found;
      throw new Error(`it ended without ${what}:\n${this.transcript}`);
    });
    try {
      return await Promise.race([promise, end]);
    } finally {
      this.#waiting.delete(look);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#signalledAtMs = performance.now();
    this.process.kill(name);
  }

  async ended(): Promise<LocalEnd> {
    const exitCode = await this.#ended;
    const elapsedMs = performance.now() - this.#signalledAtMs;
    const own = 'fargauge local: ';
    const said = this.#stderr.filter((line) => line.startsWith(own)).map((line) => line.slice(own.length));
    return { exitCode, said, written: this.#written, lines: this.lines, elapsedMs };
  }

  get #written(): ReadonlyMap<string, readonly string[]> {
    const written = new Map<string, string[]>();
    for (const line of this.#stdout) {
      const [, container = '', text = ''] = /^(\S+) *\| (.*)$/.exec(line) ?? [];
      written.set(container, [...(written.get(container) ?? []), text]);
    }
    return written;
  }

  /** The sidecar's, so far. */
  get lines(): readonly ParsedLine[] {
    return (this.#written.get('fargauge') ?? []).map((text) => JSON.parse(text) as ParsedLine);
  }

  /** Of the task that it runs; empty before it has said so. */
  get taskId(): string {
    const [taskId = ''] = /[0-9a-f]{32}/.exec(this.transcript) ?? [];
    return taskId;
  }

  get transcript(): string {
    return [...this.#stderr, ...this.#stdout].join('\n');
  }

  /** Ends it as a test that failed left it: two signals, which must differ to be two, do not wait for containers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGTERM');
    this.process.kill('SIGINT');
    await this.#ended;
  }
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return null;
}

export interface Definition {
  readonly batch: object;
  readonly sidecar?: object;
  /** By which the batch and those beside it are told to go on. */
  readonly exchange?: Exchange;
  /** Containers beside the two. */
  readonly others?: readonly object[];
  /** The batch waits for the sidecar; by default the sidecar for the batch. */
  readonly isSidecarFirst?: boolean;
  readonly task?: object;
}

/** A task definition for Fargate with a shell script as its batch. */
export function definitionOf(definition: Definition): string {
  const { batch, sidecar, exchange, others = [], isSidecarFirst, task } = definition;
  const dependence = (containerName: string) => ({ dependsOn: [{ containerName, condition: 'START' }] });
  const mounts = exchange && { mountPoints: [EXCHANGE_MOUNT] };
  return JSON.stringify({
    family: 'nightly',
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '512',
    memory: '1024',
    containerDefinitions: [
      ...others.map((other) => ({ ...mounts, ...other })),
      {
        name: 'batch',
        image: BATCH_IMAGE,
        cpu: 448,
        ...mounts,
        ...(isSidecarFirst && dependence('fargauge')),
        ...batch,
      },
      {
        name: 'fargauge',
        image: SIDECAR_IMAGE,
        essential: false,
        cpu: 64,
        memoryReservation: 64,
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ['ALL'] } },
        ...(!isSidecarFirst && dependence('batch')),
        ...sidecar,
      },
    ],
    ...(exchange && { volumes: [exchange.volume] }),
    ...task,
  });
}

/** A container that runs a shell script. */
export function script(text: string): object {
  return { image: BATCH_IMAGE, entryPoint: ['sh', '-c'], command: [text] };
}

/** A container that runs a program for Node; it ends by SIGTERM unless it says otherwise. */
export function node(text: string): object {
  return {
    image: BATCH_IMAGE,
    entryPoint: ['node', '-e'],
    command: [`process.once('SIGTERM', () => process.exit(143)); ${text}`],
  };
}

/** A definition run to its end. */
export async function runToEnd(definition: string, ...options: readonly string[]): Promise<LocalEnd> {
  await using command = new LocalCommand([...options, '-'], definition);
  return await command.ended();
}

/** A definition run to its end, with a batch that is told to go on when the sidecar is up. */
export async function runSeen(definition: Definition, ...options: readonly string[]): Promise<LocalEnd> {
  using exchange = new Exchange();
  await using command = new LocalCommand([...options, '-'], definitionOf({ ...definition, exchange }));
  await command.line('START');
  exchange.go();
  return await command.ended();
}

const UNSEEN = ['FARGAUGE_BATCH=batch', 'FARGAUGE_POLL_INTERVAL_MS=60000', 'FARGAUGE_RECORD=true'];

/**
 * A run that falls between two polls: the batch is started when the sidecar has asked for the first time, and ends
 * long before it asks again.
 */
export async function runUnseen(definition: Definition, ...options: readonly string[]): Promise<LocalEnd> {
  using exchange = new Exchange();
  const gate = {
    ...script(AWAIT_GO),
    name: 'gate',
    essential: false,
    dependsOn: [{ containerName: 'fargauge', condition: 'START' }],
  };
  const dependsOn = [{ containerName: 'gate', condition: 'SUCCESS' }];
  const batch = { ...definition.batch, dependsOn };
  const env = UNSEEN.flatMap((each) => ['--env', `fargauge:${each}`]);
  await using command = new LocalCommand(
    [...env, ...options, '-'],
    definitionOf({ ...definition, batch, others: [gate], isSidecarFirst: true, exchange }),
  );
  await command.line('RECORD', ({ path }) => path === '/task/stats');
  exchange.go();
  return await command.ended();
}

export function linesOf({ lines }: LocalEnd, type: string): readonly ParsedLine[] {
  return lines.filter((line) => line.type === type);
}

/** The CONTAINER line of one container. */
export function containerLine(end: LocalEnd, container: string): ParsedLine | undefined {
  return linesOf(end, 'CONTAINER').find((line) => line.container === container);
}

/** The one REPORT line of a run, which is the sidecar's last line. */
export function reportOf(end: LocalEnd): ParsedLine {
  const reports = linesOf(end, 'REPORT');
  const [report] = reports;
  if (report === undefined || reports.length > 1 || end.lines.at(-1) !== report) {
    throw new Error(
      `not one REPORT at the end: ${end.lines.map(({ type }) => type)}\n${end.said.join('\n')}`,
    );
  }
  return report;
}

/** What fargauge made and did not remove: nothing, when all is well. */
export function remains(): readonly string[] {
  const label = 'label=fargauge.task';
  return [
    ...docker('ps', '--all', '--format', 'container {{.Names}}', '--filter', label),
    ...docker('network', 'ls', '--format', 'network {{.Name}}', '--filter', label),
    ...docker('volume', 'ls', '--format', 'volume {{.Name}}', '--filter', label),
    ...docker('image', 'ls', '--format', 'image {{.ID}}', '--filter', label),
  ];
}
