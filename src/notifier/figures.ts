import { known } from '../core/units.ts';
import type { Report } from './report.ts';

/** A figure of a run for a person: what it is, and its value with its unit. */
export interface Figure {
  readonly label: string;
  readonly value: string;
}

const UNITS_PER_VCPU = 1024;

/** The figures of a REPORT that a notice shows. What the REPORT does not know is left out. */
export function figuresOf(report: Report): readonly Figure[] {
  const figures = [
    ['Memory', memoryOf(report)],
    ['CPU', cpuOf(report)],
    ['Start-up', known(report.initDurationMs, duration)],
    ['Billed', known(report.billedDurationMs, duration)],
    ['Recommended size', sizeOf(report.recommendedCpuUnits, report.recommendedMemoryMB)],
  ] as const;
  return figures.flatMap(([label, value]) => (value === undefined ? [] : [{ label, value }]));
}

function memoryOf({
  maxMemoryUsedMB,
  memorySizeMB,
  maxMemoryUtilizationPercent,
}: Report): string | undefined {
  if (maxMemoryUsedMB === undefined) return undefined;
  const share = known(maxMemoryUtilizationPercent, (percent) => ` (${percent} %)`) ?? '';
  return `peak ${maxMemoryUsedMB} MB${known(memorySizeMB, (mb) => ` of ${mb} MB`) ?? ''}${share}`;
}

function cpuOf({
  cpuSizeUnits,
  avgCpuUtilizationPercent,
  maxCpuUtilizationPercent,
  avgCpuPercent,
  maxCpuPercent,
}: Report): string | undefined {
  // Of its size where it has one, else of one vCPU.
  const [average, maximum, of] =
    cpuSizeUnits === undefined
      ? [avgCpuPercent, maxCpuPercent, 'a vCPU']
      : [avgCpuUtilizationPercent, maxCpuUtilizationPercent, vcpus(cpuSizeUnits)];
  const parts = [
    known(average, (percent) => `average ${percent} %`),
    known(maximum, (percent) => `peak ${percent} %`),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `${parts.join(', ')} of ${of}`;
}

function sizeOf(cpuUnits: number | undefined, memoryMB: number | undefined): string | undefined {
  return cpuUnits === undefined || memoryMB === undefined ? undefined : `${vcpus(cpuUnits)}, ${memoryMB} MB`;
}

function vcpus(units: number): string {
  return `${Number((units / UNITS_PER_VCPU).toFixed(2))} vCPU`;
}

/** `2 h 5 min`, `3 min 20 s`, `12.3 s`: what is long needs no tenths. */
export function duration(ms: number): string {
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const totalSeconds = Math.round(ms / 1000);
  const [hours, minutes, seconds] = [
    Math.floor(totalSeconds / 3600),
    Math.floor(totalSeconds / 60) % 60,
    totalSeconds % 60,
  ];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds} s`;
}
