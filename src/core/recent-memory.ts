import { memoryUsedBytes } from './memory.ts';
import type { Sample } from './types.ts';

/** A peak is recent for so long: a child that the kernel ended takes its memory along, and its parent ends later. */
const RECENT_MS = 10_000;
/** So many looks are kept at the most: ten seconds of ten a second, and some more where the clock was set. */
const MAX_LOOKS = 128;

/** What one sample says of memory in use: all of it, or at least what cannot be given back. */
export interface MemoryLook {
  readonly readAtMs: number;
  readonly bytes: number;
  readonly isAnonOnly: boolean;
}

/** Undefined where the sample says nothing of it. */
export function memoryLook({ readAtMs, source, memory }: Sample): MemoryLook | undefined {
  const isAnonOnly = source === 'proc';
  const bytes = isAnonOnly ? memory.anonBytes : memoryUsedBytes(memory);
  return bytes === undefined ? undefined : { readAtMs, bytes, isAnonOnly };
}

/** The highest of the latest looks at a container's memory, in bounded memory. */
export class RecentMemory {
  /** Those that no later one exceeds, and so from the highest to the lowest. */
  #looks: MemoryLook[] = [];

  add(look: MemoryLook): void {
    while ((this.#looks.at(-1)?.bytes ?? Number.POSITIVE_INFINITY) <= look.bytes) this.#looks.pop();
    this.#looks.push(look);
    const isOver = (first: MemoryLook) =>
      first.readAtMs < look.readAtMs - RECENT_MS || this.#looks.length > MAX_LOOKS;
    while (this.#looks[0] !== undefined && isOver(this.#looks[0])) this.#looks.shift();
  }

  /** What comes next has nothing to do with what was before. */
  clear(): void {
    this.#looks = [];
  }

  /** Of the ten seconds before `endMs`, by the clock that dates the looks. */
  highestBefore(endMs: number): MemoryLook | undefined {
    return this.#looks.find(({ readAtMs }) => readAtMs >= endMs - RECENT_MS);
  }
}
