import { defineConfig } from 'vitest/config';

/** By scripts/with-docker.ts, which starts the engine and makes the images. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/docker/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    // One address of ECS for all: the files that need it for themselves have it one after the other.
    fileParallelism: false,
    maxConcurrency: 6,
  },
});
