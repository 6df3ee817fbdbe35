import { defineConfig } from 'vitest/config';

/** By scripts/test-templates.ts, which knows where the checkers are. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/templates/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
