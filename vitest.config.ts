import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...['arm64', 'browser', 'cdk', 'docker', 'docs', 'moto', 'opensearch', 'package', 'templates'].map(
        (folder) => `test/${folder}/**`,
      ),
      // With the fault matrix, by test/faults/vitest.config.ts.
      'test/**/*-faults.test.ts',
    ],
    globalSetup: ['test/support/build.ts'],
    // A test that hangs ends it; on a machine that is busy otherwise the longest ones take ten times as long.
    testTimeout: 120_000,
    // No test leaves anything behind in a module: a fresh copy of all of them for each file costs a fifth of the time.
    isolate: false,
    // Most tests of the program wait for the next poll of a child process: they need turns, not cores.
    maxWorkers: 4,
    maxConcurrency: 8,
  },
});
