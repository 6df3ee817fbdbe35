import { defineConfig } from 'vitest/config';

/** By scripts/test-package.ts, which knows where the tarball and the other Node are. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/package/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
