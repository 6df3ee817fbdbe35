import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KIBANA_FILES } from '../../scripts/kibana.ts';

describe('what is made for OpenSearch and Elasticsearch (npm run kibana makes it)', () => {
  it.each([...KIBANA_FILES].map(([path, text]) => [basename(path), path, text]))(
    '%s is up to date',
    (_, path, text) => {
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );
});
