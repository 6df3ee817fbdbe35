import { defineConfig } from 'vitest/config';

/** By scripts/test-opensearch.ts, which starts the engines. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/opensearch/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    // The engines are two, the cores of a small machine too.
    maxWorkers: 2,
  },
});
