/**
 * A heatmap as a Vega specification: in Kibana, where it asks the engine itself, and as a picture of an answer that is
 * there. Vega's own grammar, not Vega-Lite's: versions 5 and 6 of it read the same, and every Kibana since 7.10 has one.
 */
import { INDEX_PATTERN } from '../../src/subscription/index-name.ts';
import { TIME_FIELD } from '../../src/subscription/index-template.ts';
import { BAND_EDGES, HEATMAP_JOB_COUNT, type Picture } from './pictures.ts';

/** ColorBrewer's YlOrRd in six classes: ordered by lightness, so that it reads without colours too. */
const BAND_COLORS = ['#ffffb2', '#fed976', '#feb24c', '#fd8d3c', '#f03b20', '#bd0026'] as const;

/** Where a cell's data come from: of a request that Kibana makes, or of an answer that is there. */
type Source = { readonly url: object } | { readonly values: object };

/** In which time zone a picture's hours are. */
interface Clock {
  readonly scale: 'time' | 'utc';
  readonly title: string | null;
}
const BROWSER_TIME: Clock = { scale: 'time', title: null };
const UTC: Clock = { scale: 'utc', title: 'UTC' };

/** The specification that Kibana and OpenSearch Dashboards draw, fitted to its panel. */
export function kibanaVega(picture: Picture): object {
  return heatmap(picture, { url: kibanaRequest(picture) }, BROWSER_TIME);
}

/** What is drawn of an answer. */
export interface HeatmapAnswer {
  readonly aggregations: { readonly jobs: { readonly buckets: readonly object[] } };
}

/** What a picture's rows take, without axes and legend. */
export interface PictureSize {
  readonly widthPx: number;
  readonly rowHeightPx: number;
}

/** The same for an answer to its request. */
export function pictureVega(
  picture: Picture,
  answer: HeatmapAnswer,
  { widthPx, rowHeightPx }: PictureSize,
): object {
  return {
    ...heatmap(picture, { values: answer }, UTC),
    width: widthPx,
    height: rowHeightPx * answer.aggregations.jobs.buckets.length,
    padding: 8,
    background: 'white',
    title: { text: picture.title, anchor: 'start', offset: 12 },
  };
}

/**
 * What Kibana sends, once it has put in the dashboard's query, filters and time range.
 * Source: "Vega" in Kibana's guide 7.10; src/plugins/vis_type_vega/public/data_model in its repository.
 */
function kibanaRequest({ lineType, figure }: Picture): object {
  if (figure.aggregation === 'count') throw new Error('a heatmap shows an average');
  const average = { avg: { field: figure.field } };
  return {
    index: INDEX_PATTERN,
    body: {
      size: 0,
      query: {
        bool: {
          must: ['%dashboard_context-must_clause%'],
          filter: [
            '%dashboard_context-filter_clause%',
            { range: { [TIME_FIELD]: { '%timefilter%': true } } },
            { term: { type: lineType } },
            { exists: { field: figure.field } },
          ],
          must_not: ['%dashboard_context-must_not_clause%'],
        },
      },
      aggs: {
        jobs: {
          terms: { field: 'job', size: HEATMAP_JOB_COUNT, order: { figure: 'desc' } },
          aggs: {
            figure: average,
            times: {
              date_histogram: {
                field: TIME_FIELD,
                interval: { '%autointerval%': true },
                // Empty ones too: the distance of the times is the width of a cell.
                min_doc_count: 0,
                extended_bounds: { min: { '%timefilter%': 'min' }, max: { '%timefilter%': 'max' } },
              },
              aggs: { figure: average },
            },
          },
        },
      },
    },
  };
}

/** For those who do not see it. */
export function descriptionOf({ title, description }: Picture): string {
  return `${title}. ${description}`;
}

function heatmap(picture: Picture, source: Source, clock: Clock): object {
  const { figure } = picture;
  return {
    $schema: 'https://vega.github.io/schema/vega/v5.json',
    description: descriptionOf(picture),
    data: [
      {
        name: 'cells',
        ...source,
        format: { type: 'json', property: 'aggregations.jobs.buckets' },
        transform: [
          { type: 'flatten', fields: ['times.buckets'], as: ['cell'] },
          { type: 'formula', as: 'from', expr: 'datum.cell.key' },
          { type: 'formula', as: 'value', expr: 'datum.cell.figure.value' },
        ],
      },
      {
        name: 'span',
        source: 'cells',
        transform: [
          {
            type: 'aggregate',
            fields: ['from', 'from', 'from'],
            ops: ['min', 'max', 'distinct'],
            as: ['first', 'last', 'count'],
          },
        ],
      },
      {
        name: 'filled',
        source: 'cells',
        transform: [{ type: 'filter', expr: 'isValid(datum.value)' }],
      },
    ],
    signals: [
      // Where nothing is found the axis still needs an hour to stand for.
      {
        name: 'span',
        update: "length(data('filled')) > 0 ? data('span')[0] : {count: 0, first: now(), last: now()}",
      },
      { name: 'cellMs', update: 'span.count > 1 ? (span.last - span.first) / (span.count - 1) : 3600000' },
    ],
    scales: [
      {
        name: 'time',
        type: clock.scale,
        domain: [{ signal: 'span.first' }, { signal: 'span.last + cellMs' }],
        range: 'width',
      },
      // In the answer's order: the highest first.
      { name: 'job', type: 'band', domain: { data: 'filled', field: 'key' }, range: 'height', padding: 0.08 },
      { name: 'band', type: 'threshold', domain: BAND_EDGES.slice(1), range: BAND_COLORS },
    ],
    axes: [
      {
        orient: 'bottom',
        scale: 'time',
        title: clock.title,
        format: { hours: '%H:%M', minutes: '%H:%M' },
        labelOverlap: true,
        tickCount: 12,
      },
      { orient: 'left', scale: 'job', domain: false, ticks: false, labelPadding: 6 },
    ],
    legends: [{ fill: 'band', title: figure.label }],
    marks: [
      {
        type: 'rect',
        from: { data: 'filled' },
        // The picture has one description; a cell's text is its tooltip.
        aria: false,
        encode: {
          update: {
            x: { scale: 'time', field: 'from' },
            x2: { scale: 'time', signal: 'datum.from + cellMs' },
            y: { scale: 'job', field: 'key' },
            height: { scale: 'job', band: 1 },
            fill: { scale: 'band', field: 'value' },
            tooltip: {
              signal: `{'Job': datum.key, 'From': timeFormat(datum.from, '%Y-%m-%d %H:%M'), '${figure.label}': format(datum.value, '.1f')}`,
            },
          },
        },
      },
      {
        type: 'text',
        aria: false,
        encode: {
          update: {
            x: { signal: 'width / 2' },
            y: { signal: 'height / 2' },
            align: { value: 'center' },
            text: { signal: "length(data('filled')) > 0 ? '' : 'Nothing in this time'" },
          },
        },
      },
    ],
  };
}
