/**
 * The requests that Kibana makes of a visualization's state, and its answers as rows: the part of
 * src/plugins/data/common/search/aggs (Kibana 7.10) that counts, averages, terms and date histograms need.
 */
import type { Aggregation, VisualizationState } from '../../scripts/kibana/visualization.ts';
import type { SearchSource } from './import-file.ts';
import { toEngineQuery } from './query-language.ts';
import { automaticInterval, rangeFilter, type TimeRange } from './time-range.ts';

export interface SearchBody {
  readonly size: 0;
  readonly query: object;
  readonly aggs: Readonly<Record<string, AggregationBody>>;
}

interface AggregationBody {
  readonly aggs?: Readonly<Record<string, AggregationBody>>;
  readonly [kind: string]: unknown;
}

interface Bucket {
  readonly key: string | number;
  readonly doc_count: number;
  readonly [aggregationId: string]: unknown;
}

export interface SearchAnswer {
  readonly aggregations: Readonly<
    Record<string, { readonly buckets: readonly Bucket[] | Readonly<Record<string, Bucket>> }>
  >;
}

export interface Cell {
  /** Where its time begins, ms since the epoch. */
  readonly fromMs: number;
  readonly lineCount: number;
  /** The figure; a count where the picture counts. */
  readonly value: number | null;
}

/** A job and its cells. */
export interface Row {
  readonly job: string;
  readonly lineCount: number;
  readonly cells: readonly Cell[];
}

/** What Kibana calls the jobs that are not drawn by name. */
export const OTHER_JOBS = '__other__';

/** @param timeField of the index pattern */
export function searchBody(
  { aggs }: VisualizationState,
  source: SearchSource,
  timeField: string,
  range: TimeRange,
): SearchBody {
  return {
    size: 0,
    query: searchQuery(source, timeField, range),
    aggs: nested(
      aggs.filter(({ schema }) => schema !== 'metric'),
      metricBodies(aggs),
      range,
    ),
  };
}

export function searchQuery({ query, filter }: SearchSource, timeField: string, range: TimeRange): object {
  if (query.language !== 'kuery' || filter.length > 0) throw new Error('another language, or a filter');
  return {
    bool: {
      must: [],
      filter: [toEngineQuery(query.query), rangeFilter(timeField, range)],
      should: [],
      must_not: [],
    },
  };
}

/** Counts are in every bucket anyway. */
function metricBodies(aggs: readonly Aggregation[]): Record<string, AggregationBody> {
  const metrics = aggs.filter(({ type }) => type === 'avg');
  return Object.fromEntries(metrics.map(({ id, params }) => [id, { avg: { field: params.field } }]));
}

/** Each bucket aggregation inside the one before it, the metrics in the innermost. */
function nested(
  buckets: readonly Aggregation[],
  metrics: Record<string, AggregationBody>,
  range: TimeRange,
): Record<string, AggregationBody> {
  const [first, ...rest] = buckets;
  if (!first) return metrics;
  const isOrderedByMetric = first.type === 'terms' && String(first.params.orderBy) in metrics;
  const inner = { ...(isOrderedByMetric && metrics), ...nested(rest, metrics, range) };
  return { [first.id]: { ...bucketBody(first, isOrderedByMetric, range), aggs: inner } };
}

function bucketBody({ type, params }: Aggregation, isOrderedByMetric: boolean, range: TimeRange): object {
  if (type === 'terms') {
    const order = { [isOrderedByMetric ? String(params.orderBy) : '_count']: params.order };
    return { terms: { field: params.field, size: params.size, order } };
  }
  if (type !== 'date_histogram' || params.interval !== 'auto') throw new Error(`not understood: ${type}`);
  const { expression } = automaticInterval(range);
  // A single minute, hour or day is one of the calendar, in which days of 23 hours exist.
  const interval = /^1[mhd]$/.test(expression) ? 'calendar_interval' : 'fixed_interval';
  const { field, min_doc_count } = params;
  return { date_histogram: { field, [interval]: expression, time_zone: 'UTC', min_doc_count } };
}

/**
 * The second request, for what is not among the outermost terms; none where they are not asked for.
 * Source: _terms_other_bucket_helper.ts.
 */
export function otherBody(
  { aggs }: VisualizationState,
  body: SearchBody,
  answer: SearchAnswer,
): SearchBody | undefined {
  const terms = aggs.find(({ type, params }) => type === 'terms' && params.otherBucket === true);
  if (!terms) return undefined;
  const field = String(terms.params.field);
  const drawn = bucketsOf(answer, terms.id).map(({ key }) => ({ match_phrase: { [field]: key } }));
  const bool = { must: [], filter: [{ exists: { field } }], should: [], must_not: drawn };
  const inner = body.aggs[terms.id]?.aggs ?? {};
  return { ...body, aggs: { 'other-filter': { filters: { filters: { '': { bool } } }, aggs: inner } } };
}

/** The rows of a picture whose outer buckets are terms and whose inner ones are times. */
export function rowsOf(state: VisualizationState, answer: SearchAnswer, other?: SearchAnswer): Row[] {
  const [terms, times] = state.aggs.filter(({ schema }) => schema !== 'metric');
  const metric = state.aggs.find(({ schema }) => schema === 'metric');
  if (!terms || !times || !metric) throw new Error('not a picture of terms over time');
  const rowOf = (bucket: Bucket, job: string): Row => ({
    job,
    lineCount: bucket.doc_count,
    cells: bucketsOf({ aggregations: bucket as SearchAnswer['aggregations'] }, times.id).map((cell) => ({
      fromMs: Number(cell.key),
      lineCount: cell.doc_count,
      value: metric.type === 'count' ? cell.doc_count : averageOf(cell[metric.id]),
    })),
  });
  const rows = bucketsOf(answer, terms.id).map((bucket) => rowOf(bucket, String(bucket.key)));
  const others = other ? bucketsOf(other, 'other-filter').filter(({ doc_count }) => doc_count > 0) : [];
  return [...rows, ...others.map((bucket) => rowOf(bucket, OTHER_JOBS))];
}

export function bucketsOf({ aggregations }: SearchAnswer, id: string): Bucket[] {
  const buckets = aggregations[id]?.buckets;
  if (!buckets) throw new Error(`the answer has no ${id}`);
  return Object.values(buckets);
}

function averageOf(average: unknown): number | null {
  return (average as { readonly value: number | null }).value;
}
