import { defineConfig } from 'vitest/config';

/** The fault matrix: hundreds of runs of the program, too many for `npm test`. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/faults/**/*.faults.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    maxConcurrency: 8,
    fileParallelism: false,
  },
});
