import { defineConfig } from 'vitest/config';

/** By scripts/test-moto.ts, which starts moto. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/moto/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
  },
});
