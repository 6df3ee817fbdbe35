import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_TYPES } from '../../src/core/fields.ts';
import { type Line, render } from '../../src/core/line.ts';
import { parseLine } from '../../src/core/parsed-line.ts';

const REPORT: Line = {
  type: 'REPORT',
  timeMs: Date.parse('2026-11-21T02:15:07.543Z'),
  fields: {
    fargaugeVersion: '0.1.0',
    job: 'nightly',
    taskId: 'd43f',
    durationMs: 15_210,
    maxCpuPercent: 49.55,
  },
};

const text = render(REPORT, 4);

function changed(changes: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(text), ...changes });
}

describe('a line read back', () => {
  it('is the line that was written', () => {
    expect(parseLine(`${text}\n`)).toEqual({
      kind: 'line',
      line: { type: 'REPORT', timeMs: REPORT.timeMs, seq: 4, fields: JSON.parse(text) },
    });
  });

  it('is whole for any names, times and figures', () => {
    const lines = fc.record({
      type: fc.constantFrom(...LINE_TYPES),
      timeMs: fc.integer({ min: 0, max: 4e12 }),
      fields: fc.record({
        fargaugeVersion: fc.string(),
        job: fc.string(),
        cpuTimeMs: fc.nat(),
        avgCpuPercent: fc.double({ min: 0, max: 1e6, noNaN: true }),
      }),
    });
    fc.assert(
      fc.property(lines, fc.nat(), (line, seq) => {
        expect(parseLine(render(line, seq))).toMatchObject({
          kind: 'line',
          line: { type: line.type, timeMs: line.timeMs, seq },
        });
      }),
    );
  });

  it('of a newer version keeps the fields and the type that are not known yet', () => {
    const parsed = parseLine(changed({ type: 'EPILOGUE', gpuPercent: null, mood: { is: 'good' } }));
    expect(parsed).toMatchObject({
      kind: 'line',
      line: { type: 'EPILOGUE', fields: { mood: { is: 'good' } } },
    });
  });

  it.each([
    'plain text of the batch',
    '',
    '{"level":"info","msg":"the batch logs JSON too"}',
    '{"msg":"about fargauge","attributes":{"fargaugeVersion":"0.1.0"}}',
    '[{"fargaugeVersion":"0.1.0"}]',
    'prefix {"fargaugeVersion":"0.1.0"}',
    '{"msg":"half a line of somebody',
  ])('is foreign without the mark at its top: %s', (foreign) => {
    expect(parseLine(foreign)).toEqual({ kind: 'foreign' });
  });

  it.each([
    [text.slice(0, -10), 'is not JSON'],
    [changed({ type: undefined }), 'type is missing'],
    [changed({ time: undefined }), 'time is missing'],
    [changed({ seq: undefined }), 'seq is missing'],
    [changed({ type: 7 }), 'type is 7, not a string'],
    [changed({ time: '21.11.2026' }), 'time is "21.11.2026", not an ISO 8601 time'],
    [
      changed({ time: '2026-13-21T02:15:07.543Z' }),
      'time is "2026-13-21T02:15:07.543Z", not an ISO 8601 time',
    ],
    [changed({ fargaugeVersion: 1 }), 'fargaugeVersion is 1, not a string'],
    [changed({ durationMs: '15210' }), 'durationMs is "15210", not a whole number'],
    [changed({ durationMs: 1.5 }), 'durationMs is 1.5, not a whole number'],
    [changed({ durationMs: null }), 'durationMs is null, not a whole number'],
    [changed({ maxCpuPercent: '49.55' }), 'maxCpuPercent is "49.55", not a number'],
    [changed({ maxCpuPercent: { a: 1 } }), 'maxCpuPercent is an object, not a number'],
    [changed({ durationMs: 'x'.repeat(99) }), `durationMs is "${'x'.repeat(39)}, not a whole number`],
  ])('is broken, and says why: %s', (line, reason) => {
    expect(parseLine(line)).toEqual({ kind: 'broken', reason });
  });

  it('is broken with lists nested deeper than a stack goes', () => {
    const nested = '['.repeat(20_000) + ']'.repeat(20_000);
    const parsed = parseLine(changed({ job: 'x' }).replace('"x"', nested));
    expect(parsed).toEqual({ kind: 'broken', reason: 'job is a list, not a string' });
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => `{"fargaugeVersion":"1","x":${json}}`),
        ),
        (any) => {
          expect(['line', 'foreign', 'broken']).toContain(parseLine(any).kind);
        },
      ),
    );
  });
});
