import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_TYPES, REPORT_FIELDS } from '../../src/core/fields.ts';
import { isoTime, type Line, type LineFields, MAX_LINE_BYTES, render } from '../../src/core/line.ts';
import { START_MS } from './builders.ts';

function parsed(line: Line, seq = 1): Record<string, unknown> {
  return JSON.parse(render(line, seq)) as Record<string, unknown>;
}

/** Values for every field, whatever its line. */
const anyFields = fc.record(
  Object.fromEntries(
    REPORT_FIELDS.filter(({ name }) => !['type', 'time', 'seq'].includes(name)).map(({ name, kind }) => [
      name,
      kind === 'integer'
        ? fc.nat()
        : kind === 'percent'
          ? fc.integer({ min: 0, max: 1_000_000 }).map((n) => n / 100)
          : fc.string({ unit: 'binary', maxLength: 200 }),
    ]),
  ),
  { requiredKeys: [] },
) as fc.Arbitrary<LineFields>;

const HOSTILE = ['"', '\\', '\u0000', '\n', '\u2028', '本', '🚢', '\ud83d', 'x'];

describe('a rendered line', () => {
  it('is one JSON object with type, time and seq in front', () => {
    const text = render(
      { type: 'REPORT', timeMs: START_MS + 7, fields: { status: 'success', job: 'etl' } },
      12,
    );
    expect(text).toBe(
      '{"type":"REPORT","time":"2026-05-04T02:00:00.007Z","seq":12,"job":"etl","status":"success"}',
    );
  });

  it("has its fields in the table's order, whatever the order they were given in", () => {
    const order = REPORT_FIELDS.map(({ name }) => name);
    fc.assert(
      fc.property(anyFields, (fields) => {
        const shuffled = Object.fromEntries(Object.entries(fields).toReversed());
        const names = Object.keys(parsed({ type: 'CONTAINER', timeMs: START_MS, fields: shuffled }));
        expect(names).toEqual(order.filter((name) => names.includes(name)));
      }),
    );
  });

  it('leaves out what is undefined and keeps what is zero', () => {
    const fields = { exitCode: 0, cpuTimeMs: undefined, maxCpuPercent: 0 };
    const line = parsed({ type: 'CONTAINER', timeMs: START_MS, fields });
    expect(line).toEqual({
      type: 'CONTAINER',
      time: '2026-05-04T02:00:00.000Z',
      seq: 1,
      exitCode: 0,
      maxCpuPercent: 0,
    });
  });

  it('holds no newline and no control character, and parses back to what was put in', () => {
    fc.assert(
      fc.property(anyFields, fc.constantFrom(...LINE_TYPES), fc.nat(), (fields, type, seq) => {
        const text = render({ type, timeMs: START_MS, fields }, seq);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the question
        expect(text).not.toMatch(/[\u0000-\u001f]/);
        expect(JSON.parse(text)).toEqual({ ...fields, type, seq, time: isoTime(START_MS) });
      }),
      { numRuns: 50 },
    );
  });

  it.each(HOSTILE)(
    'stays below 16 KiB though every string of it is 2,000 times %j, and keeps its numbers',
    (unit) => {
      const long = unit.repeat(2_000);
      const fields = Object.fromEntries(
        REPORT_FIELDS.filter(({ name }) => !['type', 'time', 'seq'].includes(name)).map(({ name, kind }) => [
          name,
          kind === 'string' || kind === 'time' ? long : Number.MAX_SAFE_INTEGER,
        ]),
      ) as LineFields;
      for (const type of LINE_TYPES) {
        const text = render({ type, timeMs: START_MS, fields }, Number.MAX_SAFE_INTEGER);
        expect(Buffer.byteLength(text)).toBeLessThan(MAX_LINE_BYTES);
        expect(JSON.parse(text)).toMatchObject({ type, cpuTimeMs: Number.MAX_SAFE_INTEGER });
      }
    },
  );

  it('cuts no string while the whole line is short enough', () => {
    const job = 'j'.repeat(10_000);
    expect(parsed({ type: 'START', timeMs: START_MS, fields: { job } })).toMatchObject({ job });
  });
});

describe('the table of fields', () => {
  it('names each field once', () => {
    const names = REPORT_FIELDS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('calls percent what is named Percent, and nothing else: only those may have decimals', () => {
    for (const { name, kind, unit } of REPORT_FIELDS) {
      expect([name, kind === 'percent']).toEqual([name, name.endsWith('Percent')]);
      expect([name, unit === '%']).toEqual([name, kind === 'percent']);
    }
  });

  it.each([
    ['Ms', 'ms'],
    ['MB', 'MB'],
    ['Bytes', 'bytes'],
    ['Units', 'units'],
    ['Count', 'count'],
  ])('a name that ends in %s has the unit %s', (ending, unit) => {
    const named = REPORT_FIELDS.filter(({ name }) => name.endsWith(ending));
    expect(named.length).toBeGreaterThan(0);
    for (const field of named) expect([field.name, field.unit]).toEqual([field.name, unit]);
  });

  it('has help for every field, and a unit for every number', () => {
    for (const { name, help, kind, unit } of REPORT_FIELDS) {
      expect([name, help.endsWith('.')]).toEqual([name, true]);
      expect([name, unit === '']).toEqual([name, kind === 'string' || kind === 'time']);
    }
  });
});
