import { defineConfig } from 'vitest/config';

/** What fails around the program, in all ways and orders: hundreds of runs of it, too many for `npm test`. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/faults/**/*.faults.ts', 'test/**/*-faults.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    maxConcurrency: 8,
    fileParallelism: false,
  },
});
