import type { LineType } from '../core/fields.ts';
import type { LineFields } from '../core/line.ts';
import { memoryPeak } from '../core/memory-peak.ts';

/** The fields of a line, parsed. */
type Fields = Readonly<Record<string, string | number | undefined>>;

const SUMMARIZED: readonly LineType[] = ['CONTAINER', 'REPORT'];

/** Whether a line is one that `renderSummary` reads: `type` is the first field of every line. */
export function isSummarized(line: string): boolean {
  return SUMMARIZED.some((type) => line.startsWith(`{"type":"${type}"`));
}

/**
 * A run for a person's eyes, out of its CONTAINER and REPORT lines; empty when there is no REPORT.
 * @param batch name of the batch's container.
 */
export function renderSummary(
  lines: readonly string[],
  batch: string,
  { colour }: { readonly colour: boolean },
): string {
  const parsed = lines.map((line) => JSON.parse(line) as Fields);
  const report = parsed.find(({ type }) => type === 'REPORT');
  if (report === undefined) return '';
  const container = parsed.find((fields) => fields.type === 'CONTAINER' && fields.container === batch) ?? {};

  const bold = (text: string): string => (colour ? `\u001b[1m${text}\u001b[22m` : text);
  const rows = [
    ['Duration', known(report.durationMs, seconds)],
    ['CPU', cpuOf(container)],
    ['Memory', memoryOf(container)],
    ['Size', sizeOf(report)],
  ] as const;
  const text = rows.map(([label, value]) => `  ${bold(label.padEnd(8))}  ${value ?? 'not measured'}`);
  return `\n${bold(batch)}  ${outcome(report, colour)}\n${text.join('\n')}\n`;
}

function outcome({ status, exitCode, errorType, oomEvidence }: Fields, colour: boolean): string {
  const code = status === 'success' ? '32' : '31';
  const words = [status, known(exitCode, (code) => `exit ${code}`), errorType].filter(
    (word) => word !== undefined,
  );
  const evidence = oomEvidence === undefined ? '' : ` (${oomEvidence})`;
  const text = `${words.join(', ')}${evidence}`;
  return colour ? `\u001b[${code}m${text}\u001b[39m` : text;
}

function cpuOf({ cpuTimeMs, avgCpuPercent, p95CpuPercent, maxCpuPercent }: Fields): string | undefined {
  return list(
    known(cpuTimeMs, (ms) => `${seconds(ms)} used`),
    known(avgCpuPercent, (percent) => `average ${percent} % of a vCPU`),
    known(p95CpuPercent, (percent) => `p95 ${percent} %`),
    known(maxCpuPercent, (percent) => `maximum ${percent} %`),
  );
}

function memoryOf(fields: Fields): string | undefined {
  const { avgMemoryUsedMB } = fields;
  return list(
    known(
      memoryPeak(fields as LineFields),
      ({ mb, isAnonymous }) => `maximum ${mb} MB${isAnonymous ? ' anonymous' : ''}`,
    ),
    known(avgMemoryUsedMB, (mb) => `average ${mb} MB`),
  );
}

/** Sizes are recommended of Fargate's, for what runs there. */
function sizeOf(report: Fields): string {
  const { launchType, cpuSizeUnits, memorySizeMB, recommendedCpuUnits, recommendedMemoryMB } = report;
  if (launchType !== 'FARGATE') {
    const cpu = known(cpuSizeUnits, (units) => `${units} CPU units`);
    return (
      list(
        cpu,
        known(memorySizeMB, (mb) => `${mb} MB`),
      ) ?? 'none'
    );
  }
  if (recommendedCpuUnits === undefined) return 'too few samples to recommend one';
  const given = cpuSizeUnits === undefined ? '' : `; it has ${cpuSizeUnits} and ${memorySizeMB} MB`;
  return `${recommendedCpuUnits} CPU units and ${recommendedMemoryMB} MB would do${given}`;
}

function list(...parts: readonly (string | undefined)[]): string | undefined {
  const present = parts.filter((part) => part !== undefined);
  return present.length > 0 ? present.join(', ') : undefined;
}

function seconds(ms: string | number): string {
  return `${(Number(ms) / 1000).toFixed(2)} s`;
}

function known<T>(value: T | undefined, render: (value: T) => string): string | undefined {
  return value === undefined ? undefined : render(value);
}
