import { describe, expect, it } from 'vitest';
import { REPORT_FIELDS } from '../../src/core/fields.ts';
import { indexNameOf } from '../../src/subscription/index-name.ts';
import { indexTemplate } from '../../src/subscription/index-template.ts';

const { properties } = indexTemplate().template.mappings;

describe('the index template', () => {
  it('knows every field of every line, and no other', () => {
    expect(Object.keys(properties)).toEqual(REPORT_FIELDS.map(({ name }) => name));
  });

  it.each([
    ['job', { type: 'keyword', ignore_above: 1_024 }],
    ['startedAt', { type: 'date' }],
    ['durationMs', { type: 'long', meta: { unit: 'ms' } }],
    ['memorySizeMB', { type: 'long', meta: { unit: 'MB' } }],
    ['networkRxBytes', { type: 'long', meta: { unit: 'byte' } }],
    ['cpuSizeUnits', { type: 'long', meta: { unit: 'CPU units' } }],
    ['exitCode', { type: 'long', meta: { unit: 'count' } }],
    ['avgCpuPercent', { type: 'scaled_float', scaling_factor: 100, meta: { unit: '%' } }],
  ])('maps %s by its kind and unit', (name, mapping) => {
    expect(properties[name]).toEqual(mapping);
  });

  it('covers the index of every day', () => {
    const [pattern = ''] = indexTemplate().index_patterns;
    for (const day of ['2026-01-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z']) {
      expect(indexNameOf(Date.parse(day)).startsWith(pattern.slice(0, -1))).toBe(true);
    }
  });
});

describe('the name of an index', () => {
  it('is the day of the line, in UTC', () => {
    expect(indexNameOf(Date.parse('2026-06-15T23:59:59.999Z'))).toBe('fargauge-2026.06.15');
    expect(indexNameOf(Date.parse('2026-06-16T01:30:00.000+02:00'))).toBe('fargauge-2026.06.15');
    expect(indexNameOf(Date.parse('2026-06-16T00:00:00.000Z'))).toBe('fargauge-2026.06.16');
  });
});
