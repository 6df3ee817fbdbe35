/**
 * Runs test/opensearch against a real OpenSearch and a real Elasticsearch, which it starts and stops
 * (scripts/search-engine.ts). Arguments are for vitest.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { startSearchEngine } from './search-engine.ts';

const root = join(import.meta.dirname, '..');
// Ctrl-C ends vitest; we go on to the end, which stops the engines.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
const opensearch = await startSearchEngine('opensearch');
try {
  const elasticsearch = await startSearchEngine('elasticsearch');
  try {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const options = ['run', '--config', 'test/opensearch/vitest.config.ts', ...process.argv.slice(2)];
    const { status } = spawnSync(process.execPath, [vitest, ...options], {
      cwd: root,
      env: { ...process.env, OPENSEARCH_URL: opensearch.url, ELASTICSEARCH_URL: elasticsearch.url },
      stdio: 'inherit',
    });
    process.exitCode = status ?? 1;
  } finally {
    await elasticsearch.stop();
  }
} finally {
  await opensearch.stop();
}
