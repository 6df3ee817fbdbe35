import { type ExpectPollOptions, vi } from 'vitest';

/**
 * For waits of what will come: no test waits so long but one that fails. By itself vitest gives up after a second, in
 * which a machine that is busy otherwise may not come to it.
 */
export const PATIENCE = { timeout: 60_000 } as const satisfies ExpectPollOptions;

/** Resolves when `look` no longer throws: it is called again and again. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { ...PATIENCE, interval: 20 });
}
