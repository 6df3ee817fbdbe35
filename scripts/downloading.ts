const TRIES = 3;
const PAUSE_MS = 5_000;

/**
 * Does what downloads something, and does it again when it fails: a registry that does not answer for a moment fails no
 * check of the project.
 * @throws what the last try threw
 */
export function downloading<T>(what: string, download: () => T): T {
  for (let tried = 1; ; tried += 1) {
    try {
      return download();
    } catch (error) {
      if (tried === TRIES) throw error;
      console.error(`${what}: failed (${(error as Error).message.split('\n')[0]}); once more`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
