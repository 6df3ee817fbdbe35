import { readdirSync, readFileSync } from 'node:fs';
import {
  type ProcessIo,
  type ProcessStat,
  type ProportionalMemory,
  parseIo,
  parseRollup,
  parseStat,
  parseStatus,
  parseSystemCpu,
  parseUptimeTicks,
  type ResidentMemory,
  type SystemCpu,
} from './proc-files.ts';

/** The process ended before its file was opened, or while it was read; or it is another user's. */
const GONE_OR_HIDDEN: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/**
 * What may be asked of a process. Every answer is undefined when the process is gone or does not let itself be read:
 * a process that ends between two questions is the normal case, not an error.
 */
export interface ProcessReader {
  /** Every process that can be seen. */
  processes(): readonly ProcessStat[];
  stat(pid: number): ProcessStat | undefined;
  residentMemory(pid: number): ResidentMemory | undefined;
  /** Shared pages divided among those who share them. Costs a walk over all of the process's pages. */
  proportionalMemory(pid: number): ProportionalMemory | undefined;
  io(pid: number): ProcessIo | undefined;
  /** The environment the process was started with, as `NAME=value`. */
  environment(pid: number): readonly string[] | undefined;
  systemCpu(): SystemCpu | undefined;
  uptimeTicks(): number | undefined;
}

/**
 * /proc, read synchronously: its files are made in memory by the kernel, and a sample is the truer the less time
 * passes between its parts.
 */
export class Procfs implements ProcessReader {
  readonly #root: string;

  constructor(root = '/proc') {
    this.#root = root;
  }

  processes(): readonly ProcessStat[] {
    return readdirSync(this.#root)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => this.stat(Number(name)))
      .filter((stat) => stat !== undefined);
  }

  stat(pid: number): ProcessStat | undefined {
    return this.#parsed(`${pid}/stat`, parseStat);
  }

  residentMemory(pid: number): ResidentMemory | undefined {
    return this.#parsed(`${pid}/status`, parseStatus);
  }

  proportionalMemory(pid: number): ProportionalMemory | undefined {
    return this.#parsed(`${pid}/smaps_rollup`, parseRollup);
  }

  io(pid: number): ProcessIo | undefined {
    return this.#parsed(`${pid}/io`, parseIo);
  }

  environment(pid: number): readonly string[] | undefined {
    return this.#parsed(`${pid}/environ`, (text) => text.split('\0').filter((entry) => entry !== ''));
  }

  systemCpu(): SystemCpu | undefined {
    return this.#parsed('stat', parseSystemCpu);
  }

  uptimeTicks(): number | undefined {
    return this.#parsed('uptime', parseUptimeTicks);
  }

  #parsed<T>(path: string, parse: (text: string) => T): T | undefined {
    const text = this.#text(path);
    return text === undefined ? undefined : parse(text);
  }

  #text(path: string): string | undefined {
    try {
      // Node's fast path is for UTF-8. A command's name need not be, but nothing here depends on it.
      return readFileSync(`${this.#root}/${path}`, 'utf8');
    } catch (error) {
      if (GONE_OR_HIDDEN.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      // Anything else (no file descriptor left, …) says nothing about the process, and must not pass for its end.
      throw error;
    }
  }
}
