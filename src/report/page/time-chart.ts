import type { Axis, AxisConfig, EncodeEntry, Scale, Signal, Spec } from 'vega';
import { isoTime } from '../../core/line.ts';
import type { Series } from '../report-document.ts';
import { day } from './times.ts';

/** A picture's space, in px: the plot and what is around it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly padding: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
}

/** Time from left to right, all buckets of the series, ms since the epoch. */
export interface TimeSpan {
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly bucketMs: number;
}

/** Undefined where there are no buckets: nothing to draw. */
export function timeSpanOf({ bucketStarts, bucketMs }: Series): TimeSpan | undefined {
  const [first] = bucketStarts;
  const last = bucketStarts.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { fromMs: Date.parse(first), toMs: Date.parse(last) + bucketMs, bucketMs };
}

/** Beginning and end of a bucket, ms since the epoch. */
export interface Extent {
  readonly fromMs: number;
  readonly toMs: number;
}

export function extentOf(bucketStart: string, { bucketMs }: TimeSpan): Extent {
  const fromMs = Date.parse(bucketStart);
  return { fromMs, toMs: fromMs + bucketMs };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Beyond a week Vega finds the months itself. */
const TICKS_MS = [
  ...[1, 5, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 7, 14].map((days) => days * DAY_MS),
];
/** A Monday. */
const ORIGIN_MS = Date.UTC(1970, 0, 5);
const PX_PER_TICK = 52;

/** A new day has its date, other times their hour; over years, months are enough. */
const DAY_OR_TIME =
  "utchours(datum.value) + utcminutes(datum.value) === 0 ? utcFormat(datum.value, '%-d %b') : utcFormat(datum.value, '%H:%M')";
const MONTH = "utcFormat(datum.value, '%b %Y')";

/** A shape for each of some values. */
export interface Layer {
  readonly type: 'rect' | 'line' | 'symbol';
  readonly values: readonly object[];
  /** How a value becomes a shape, in the scales `x` and `y`. */
  readonly shape: EncodeEntry;
}

/** What is drawn over the time axis, and what it is measured by. */
export interface Chart {
  readonly y: Scale;
  readonly yAxis: Omit<Axis, 'orient' | 'scale'>;
  readonly layers: readonly Layer[];
  readonly signals?: Signal[];
}

/** A picture of a fixed size over time, in the colours of the page. */
export function timeChart(span: TimeSpan, frame: Frame, { y, yAxis, layers, signals = [] }: Chart): Spec {
  const ticks = ticksOf(span, frame.width / PX_PER_TICK);
  return {
    ...frame,
    // Without a canvas Vega only guesses how wide a text is: it must not lay out by that.
    autosize: 'none',
    config: { axis: AXIS },
    signals,
    data: layers.map(({ values }, index) => ({ name: `layer ${index}`, values: [...values] })),
    scales: [{ name: 'x', type: 'utc', domain: [span.fromMs, span.toMs], range: 'width' }, y],
    axes: [
      {
        orient: 'bottom',
        scale: 'x',
        ...ticks,
        title: titleOf(span),
        titleAnchor: 'end',
        titlePadding: 2,
      },
      { orient: 'left', scale: 'y', domain: false, ticks: false, ...yAxis },
    ],
    marks: layers.map(({ type, shape }, index) => ({
      type,
      from: { data: `layer ${index}` },
      encode: { enter: shape },
    })),
  };
}

/** Marks at whole days and hours, at most so many. */
function ticksOf(
  { fromMs, toMs }: TimeSpan,
  maxCount: number,
): Pick<Axis, 'values' | 'tickCount' | 'encode'> {
  const tickMs = TICKS_MS.find((each) => (toMs - fromMs) / each <= maxCount);
  const labels = (signal: string) => ({ labels: { update: { text: { signal } } } });
  if (tickMs === undefined) return { tickCount: Math.floor(maxCount), encode: labels(MONTH) };
  const first = Math.ceil((fromMs - ORIGIN_MS) / tickMs);
  const last = Math.floor((toMs - ORIGIN_MS) / tickMs);
  const values = Array.from({ length: last - first + 1 }, (_, index) => ORIGIN_MS + (first + index) * tickMs);
  return { values, encode: labels(DAY_OR_TIME) };
}

/** Hours within one day have that day beside them. */
function titleOf({ fromMs, toMs }: TimeSpan): string {
  const [first, last] = [fromMs, toMs - 1].map((ms) => day(isoTime(ms)));
  return first === last ? `${first}, UTC` : 'UTC';
}

const AXIS: AxisConfig = {
  labelColor: 'var(--muted)',
  labelFontSize: 11,
  labelPadding: 5,
  titleColor: 'var(--muted)',
  titleFontSize: 11,
  titleFontWeight: 'normal',
  gridColor: 'var(--rule)',
  domainColor: 'var(--edge)',
  tickColor: 'var(--edge)',
  tickSize: 4,
};

/** From zero to a round number at or above the highest value. */
export function fromZeroTo(max: number): Scale {
  return { name: 'y', type: 'linear', domain: [0, max], nice: 4, range: 'height' };
}

export const OVER_EXTENT: EncodeEntry = {
  x: { scale: 'x', field: 'fromMs' },
  x2: { scale: 'x', field: 'toMs' },
};

/** Tells where the pointer is over a bucket, whatever is drawn in it. */
export function hoverLayer(values: readonly (Extent & { readonly text: string })[]): Layer {
  return {
    type: 'rect',
    values,
    shape: {
      ...OVER_EXTENT,
      y: { value: 0 },
      y2: { field: { group: 'height' } },
      fill: { value: 'transparent' },
      description: { field: 'text' },
    },
  };
}
