/** The sidecar as the image carries it: the bundle out of dist/, with the image's V8 flags, in a process of its own. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SIDECAR_V8_FLAGS } from '../../src/cli/sidecar-program.ts';

/** The Node that it runs on; scripts/test-arm64.ts names another. */
const SIDECAR_NODE = process.env.SIDECAR_NODE ?? process.execPath;

export const SIDECAR_BUNDLE = join(import.meta.dirname, '../../dist/sidecar.cjs');

/** A line as it came out, parsed. */
export type ParsedLine = Readonly<Record<string, string | number>> & { readonly type: string };

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly ParsedLine[];
  readonly stderr: string;
  /** From the last signal that the test sent to the exit, or from the start when there was none. */
  readonly elapsedMs: number;
}

export class Program {
  readonly process: ChildProcess;
  readonly lines: ParsedLine[] = [];
  stderr = '';
  #clockStartedAtMs = performance.now();
  #waiting: { matches: (line: ParsedLine) => boolean; resolve: (line: ParsedLine) => void }[] = [];
  #listening: { pattern: RegExp; resolve: () => void }[] = [];
  readonly ended: Promise<Ended>;

  constructor(environment: Record<string, string>, stdio: StdioOptions = ['ignore', 'pipe', 'pipe']) {
    this.process = spawn(SIDECAR_NODE, [...SIDECAR_V8_FLAGS, SIDECAR_BUNDLE], {
      env: environment,
      stdio,
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      for (const { pattern, resolve } of this.#listening) if (pattern.test(this.stderr)) resolve();
    });
    const isRead = this.process.stdout ? this.#read() : Promise.resolve();
    this.ended = this.#end(isRead);
  }

  async #read(): Promise<void> {
    if (!this.process.stdout) return;
    for await (const text of createInterface({ input: this.process.stdout })) {
      const line = JSON.parse(text) as ParsedLine;
      this.lines.push(line);
      for (const { matches, resolve } of this.#waiting) if (matches(line)) resolve(line);
    }
  }

  async #end(isRead: Promise<void>): Promise<Ended> {
    // What it wrote last may still be in the pipes when it has ended.
    const isEmptied = once(this.process, 'close');
    const [exitCode, signal] = (await once(this.process, 'exit')) as [number | null, NodeJS.Signals | null];
    const elapsedMs = performance.now() - this.#clockStartedAtMs;
    await isEmptied;
    // A test that closed our end of the pipe reads no more.
    if (this.process.stdout?.readableEnded) await isRead;
    return { exitCode, signal, lines: this.lines, stderr: this.stderr, elapsedMs };
  }

  /** The first line of that type, which may have come already; fails when the program ends without it. */
  async line(type: string, alsoMatches: (line: ParsedLine) => boolean = () => true): Promise<ParsedLine> {
    const matches = (line: ParsedLine) => line.type === type && alsoMatches(line);
    const present = this.lines.find(matches);
    if (present) return present;
    const { promise, resolve } = Promise.withResolvers<ParsedLine>();
    this.#waiting.push({ matches, resolve });
    const ended = this.ended.then(({ stderr }) => {
      const late = this.lines.find(matches);
      if (late) return late;
      throw new Error(`the program ended without a ${type} line: ${stderr}`);
    });
    return Promise.race([promise, ended]);
  }

  /** Resolves when stderr has what the pattern says, or when the program has ended. */
  async told(pattern: RegExp): Promise<void> {
    if (pattern.test(this.stderr)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listening.push({ pattern, resolve });
    await Promise.race([promise, this.ended]);
  }

  signal(name: NodeJS.Signals = 'SIGTERM'): void {
    this.#clockStartedAtMs = performance.now();
    this.process.kill(name);
  }
}
