import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { README, withTables } from '../scripts/docs.ts';
import { REPORT_FIELDS } from '../src/core/fields.ts';
import { sidecarContainer } from '../src/deploy/sidecar-container.ts';

const readme = readFileSync(README, 'utf8');

describe('the README', () => {
  it('has the tables that the code says (npm run docs makes them)', () => {
    expect(withTables(readme)).toBe(readme);
  });

  it('shows, before anything else, what it is and a REPORT line that has only known fields, in their order', () => {
    const example = readme.match(/^\{"type":"REPORT".*\}$/m)?.[0] ?? '';
    const known: readonly string[] = REPORT_FIELDS.map(({ name }) => name);
    const fields = Object.keys(JSON.parse(example));
    expect(fields).toEqual(known.filter((name) => fields.includes(name)));
    expect(readme.indexOf(example)).toBeLessThan(2_500);
  });

  it('shows the container that fargauge inject adds', () => {
    const [, example = ''] = readme.match(/^```json\n(\{\n {2}"name": "fargauge",[\s\S]*?)^```$/m) ?? [];
    const { image, logConfiguration, ...rest } = JSON.parse(example);
    const described = sidecarContainer({
      image,
      batch: { name: 'batch', hasCpu: true, logConfiguration },
      isBatchAmbiguous: false,
      order: 'batch-first',
      stopTimeoutSeconds: 30,
    });
    expect({ image, logConfiguration, ...rest }).toEqual(described);
  });

  it('names the two commands that do all the set-up', () => {
    expect(readme).toContain('npm ci && npm run demo');
    expect(readme).toContain('npm ci && npm test');
  });
});
