import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What keeps V8 small at one poll a second, on the command line because NODE_OPTIONS refuses some of them; the image
 * has the same. undici's parser is WebAssembly, which V8 would compile anew with its optimiser (10 MB); optimised
 * code, a large young generation and helper threads cost more than they save at this rate.
 */
export const SIDECAR_V8_FLAGS: readonly string[] = [
  '--no-wasm-tier-up',
  '--no-wasm-dynamic-tiering',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
  '--optimize-for-size',
  '--single-threaded',
  '--max-semi-space-size=1',
];

/** glibc's malloc: one arena, freed memory given back early. Worth 2 MB (`npm run bench`); the image has the same. */
export const SIDECAR_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
};

/** The sidecar's program: beside the built command in dist/, or the sources when they run as they are. */
export function sidecarCommand(): readonly string[] {
  const built = join(import.meta.dirname, 'sidecar.cjs');
  const program = existsSync(built) ? built : join(import.meta.dirname, '../main.ts');
  return [process.execPath, ...SIDECAR_V8_FLAGS, program];
}
