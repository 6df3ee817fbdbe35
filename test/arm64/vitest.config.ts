import { defineConfig } from 'vitest/config';

/** By scripts/test-arm64.ts, which knows where the arm64 Node is. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/arm64/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
  },
});
