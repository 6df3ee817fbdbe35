import { defineConfig } from 'vitest/config';

/** By scripts/test-package.ts, which knows where the tarball, the other Node and the other CDK are. */
export default defineConfig({
  // The construct's own tests, on the oldest CDK.
  resolve: {
    alias: [{ find: /^(?=(aws-cdk-lib|constructs)(\/|$))/, replacement: `${process.env.OLDEST_CDK}/` }],
  },
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/package/**/*.test.ts', 'test/cdk/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
