import type { LineFields } from '../core/line.ts';
import { memoryPeak } from '../core/memory-peak.ts';
import { known } from '../core/units.ts';
import { literal } from './mrkdwn.ts';
import type { Report, RunLines } from './run-lines.ts';

/** A figure of a run for a person: what it is, and its value with its unit, in mrkdwn. */
export interface Figure {
  readonly label: string;
  readonly value: string;
}

const UNITS_PER_VCPU = 1024;
const SHOWN_NAME_LENGTH = 60;

export const MEMORY_LABEL = 'Memory';

/**
 * The figures of a run that a notice shows. What its lines do not know is left out.
 *
 * Where a container has a limit of its own, that one was hit, not the task's size: its memory then stands first.
 */
export function figuresOf({ report, containers }: RunLines): readonly Figure[] {
  const figures: readonly (readonly [label: string, value: string | undefined])[] = [
    [MEMORY_LABEL, memoryOfRun(report, containers)],
    ['CPU', cpuOf(report)],
    ['Start-up', known(report.initDurationMs, duration)],
    ['Billed', known(report.billedDurationMs, duration)],
    ['Recommended size', sizeOf(report.recommendedCpuUnits, report.recommendedMemoryMB)],
  ];
  return figures.flatMap(([label, value]) => (value ? [{ label, value }] : []));
}

function memoryOfRun(report: Report, containers: readonly LineFields[]): string | undefined {
  const whole = memoryOf(report);
  const limited = limitedContainer(report, containers);
  const own = limited && memoryOf(limited);
  if (own === undefined) return whole;
  const name = literal(limited?.container ?? 'a container', SHOWN_NAME_LENGTH);
  return `${own} in ${name}${known(whole, (text) => `; ${text} in all`) ?? ''}`;
}

function limitedContainer(report: Report, containers: readonly LineFields[]): LineFields | undefined {
  const limited = containers.filter(
    ({ memorySizeMB }) => memorySizeMB !== undefined && memorySizeMB !== report.memorySizeMB,
  );
  return limited.find(({ errorType }) => errorType === 'OutOfMemory') ?? limited[0];
}

function memoryOf(fields: LineFields): string | undefined {
  const peak = memoryPeak(fields);
  if (peak === undefined) return undefined;
  const { mb, utilizationPercent, isAnonymous } = peak;
  const size = known(fields.memorySizeMB, (sizeMB) => ` of ${sizeMB} MB`) ?? '';
  const share = known(utilizationPercent, (percent) => ` (${percent} %)`) ?? '';
  return `peak ${mb} MB${isAnonymous ? ' anonymous' : ''}${size}${share}`;
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
