import { describe, expect, it } from 'vitest';
import { isSummarized, renderSummary } from '../../src/cli/summary.ts';

const line = (fields: Record<string, string | number>): string => JSON.stringify(fields);

const container = line({
  type: 'CONTAINER',
  container: 'nightly',
  durationMs: 14_900,
  cpuTimeMs: 6530,
  avgCpuPercent: 43.83,
  maxCpuPercent: 101.2,
  p95CpuPercent: 100.1,
  maxMemoryUsedMB: 407,
  avgMemoryUsedMB: 150,
});
const sidecar = line({ type: 'CONTAINER', container: 'fargauge', cpuTimeMs: 1, maxMemoryUsedMB: 30 });
const report = {
  type: 'REPORT',
  status: 'success',
  exitCode: 0,
  launchType: 'FARGATE',
  durationMs: 14_900,
  cpuTimeMs: 7000,
  cpuSizeUnits: 1024,
  memorySizeMB: 2048,
  recommendedCpuUnits: 1024,
  recommendedMemoryMB: 3072,
};

describe('the summary of a run', () => {
  it("tells the batch's duration, CPU and memory, and what size would do", () => {
    expect(renderSummary([sidecar, container, line(report)], 'nightly', { colour: false })).toBe(`
nightly  success, exit 0
  Duration  14.90 s
  CPU       6.53 s used, average 43.83 % of a vCPU, p95 100.1 %, maximum 101.2 %
  Memory    maximum 407 MB, average 150 MB
  Size      1024 CPU units and 3072 MB would do; it has 1024 and 2048 MB
`);
  });

  it('tells of anonymous memory where that is all that was seen of a peak', () => {
    const sharp = line({
      type: 'CONTAINER',
      container: 'nightly',
      maxMemoryUsedMB: 90,
      maxAnonMemoryMB: 300,
    });
    expect(renderSummary([sharp, line(report)], 'nightly', { colour: false })).toContain(
      '  Memory    maximum 300 MB anonymous\n',
    );
  });

  it('of a run too short for samples invents no figure', () => {
    const short = [
      line({ type: 'CONTAINER', container: 'nightly', durationMs: 40 }),
      line({
        type: 'REPORT',
        launchType: 'FARGATE',
        status: 'failure',
        exitCode: 3,
        errorType: 'ExitError',
        durationMs: 40,
      }),
    ];
    expect(renderSummary(short, 'nightly', { colour: false })).toBe(`
nightly  failure, exit 3, ExitError
  Duration  0.04 s
  CPU       not measured
  Memory    not measured
  Size      too few samples to recommend one
`);
  });

  it.each([
    [{ cpuSizeUnits: 512, memorySizeMB: 1024 }, '512 CPU units, 1024 MB'],
    [{ memorySizeMB: 300 }, '300 MB'],
    [{}, 'none'],
  ])('recommends nothing of what does not run on Fargate: a size of %j', (size, told) => {
    const ec2 = line({ type: 'REPORT', launchType: 'EC2', status: 'success', sampleCount: 60, ...size });
    expect(renderSummary([ec2], 'nightly', { colour: false })).toContain(`  Size      ${told}\n`);
  });

  it('of a lack of memory says what speaks for it', () => {
    const fields = {
      ...report,
      status: 'failure',
      exitCode: 137,
      errorType: 'OutOfMemory',
      oomEvidence: 'exit 137',
    };
    expect(renderSummary([line(fields)], 'nightly', { colour: false })).toContain(
      'nightly  failure, exit 137, OutOfMemory (exit 137)\n',
    );
  });

  it('is coloured only where colour is wanted, with the same words', () => {
    const plain = renderSummary([container, line(report)], 'nightly', { colour: false });
    const coloured = renderSummary([container, line(report)], 'nightly', { colour: true });
    expect(coloured).toContain('\u001b[32msuccess');
    expect(renderSummary([line({ ...report, status: 'failure' })], 'x', { colour: true })).toContain(
      '\u001b[31mfailure',
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is looked for.
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain);
  });

  it('is empty without a REPORT', () => {
    expect(renderSummary([container], 'nightly', { colour: false })).toBe('');
  });

  it('reads CONTAINER and REPORT lines', () => {
    expect([container, line(report), line({ type: 'SUMMARY' }), 'text', ''].map(isSummarized)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
