import { defineConfig } from 'vitest/config';

/** `npm run test:docs`: each runs programs, or synthesises with the CDK, which takes its time. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/docs/**/*.test.ts', 'test/cdk/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 300_000,
    isolate: false,
  },
});
