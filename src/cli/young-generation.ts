import { setFlagsFromString } from 'node:v8';

/**
 * For commands that read lines and throw them away: V8 makes its young generation larger and larger for them, to 100 MB
 * in the end, and is no faster for it. This can be said while the program runs; the maximum cannot.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
