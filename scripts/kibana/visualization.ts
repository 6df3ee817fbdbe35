/** A picture as a classic visualization, whose aggregations Kibana makes its request of. */
import { TIME_FIELD } from '../../src/subscription/index-template.ts';
import { BAND_EDGES, DRAWN_JOB_COUNT, HEATMAP_JOB_COUNT, type Picture } from './pictures.ts';

/** `id` is a name in the request and the answer, `schema` the place in the picture. */
export interface Aggregation {
  readonly id: string;
  readonly enabled: true;
  readonly type: 'count' | 'avg' | 'terms' | 'date_histogram';
  readonly schema: 'metric' | 'group' | 'segment';
  readonly params: Readonly<Record<string, unknown>>;
}

export interface VisualizationState {
  readonly title: string;
  readonly type: 'histogram' | 'line' | 'heatmap';
  readonly aggs: readonly Aggregation[];
  readonly params: object;
}

const FIGURE_ID = '1';

/** Above every percent, bursts of CPU included: a value at the upper edge of the last band would have no colour. */
const TOP_EDGE = 1_000;

const TYPES = { bars: 'histogram', lines: 'line', heatmap: 'heatmap' } as const;

export function visualizationState(picture: Picture): VisualizationState {
  const type = TYPES[picture.kind];
  return {
    title: picture.title,
    type,
    aggs: aggregationsOf(picture),
    params: type === 'heatmap' ? heatmapParams() : chartParams(picture, type),
  };
}

/** The jobs first, then the time: which jobs are drawn is decided over the whole time, not anew for each bar. */
function aggregationsOf({ kind, figure }: Picture): Aggregation[] {
  const isHeatmap = kind === 'heatmap';
  return [
    {
      id: FIGURE_ID,
      enabled: true,
      type: figure.aggregation,
      schema: 'metric',
      params: {
        ...(figure.aggregation !== 'count' && { field: figure.field }),
        customLabel: figure.label,
      },
    },
    {
      id: '2',
      enabled: true,
      type: 'terms',
      schema: 'group',
      params: {
        field: 'job',
        orderBy: FIGURE_ID,
        order: 'desc',
        size: isHeatmap ? HEATMAP_JOB_COUNT : DRAWN_JOB_COUNT,
        otherBucket: !isHeatmap,
        otherBucketLabel: 'other jobs',
        missingBucket: false,
        missingBucketLabel: 'Missing',
        customLabel: 'Job',
      },
    },
    {
      id: '3',
      enabled: true,
      type: 'date_histogram',
      schema: 'segment',
      params: {
        field: TIME_FIELD,
        interval: 'auto',
        drop_partials: false,
        min_doc_count: 1,
        extended_bounds: {},
      },
    },
  ];
}

function heatmapParams(): object {
  const edges = [...BAND_EDGES, TOP_EDGE];
  return {
    type: 'heatmap',
    addTooltip: true,
    addLegend: true,
    enableHover: false,
    legendPosition: 'right',
    times: [],
    colorsNumber: BAND_EDGES.length,
    colorSchema: 'Yellow to Red',
    setColorRange: true,
    colorsRange: BAND_EDGES.map((from, index) => ({ from, to: edges[index + 1] })),
    invertColors: false,
    percentageMode: false,
    valueAxes: [
      {
        show: false,
        id: 'ValueAxis-1',
        type: 'value',
        scale: { type: 'linear', defaultYExtents: false },
        labels: { show: false, rotate: 0, overwriteColor: false, color: 'black' },
      },
    ],
  };
}

function chartParams({ figure }: Picture, type: 'histogram' | 'line'): object {
  const isLine = type === 'line';
  return {
    type,
    grid: { categoryLines: false },
    categoryAxes: [
      {
        id: 'CategoryAxis-1',
        type: 'category',
        position: 'bottom',
        show: true,
        style: {},
        scale: { type: 'linear' },
        labels: { show: true, filter: true, truncate: 100 },
        title: {},
      },
    ],
    valueAxes: [
      {
        id: 'ValueAxis-1',
        name: 'LeftAxis-1',
        type: 'value',
        position: 'left',
        show: true,
        style: {},
        // Jobs of seconds and jobs of hours stand in one picture.
        scale: { type: isLine ? 'log' : 'linear', mode: 'normal' },
        labels: { show: true, rotate: 0, filter: true, truncate: 100 },
        title: { text: figure.label },
      },
    ],
    seriesParams: [
      {
        show: true,
        type,
        mode: isLine ? 'normal' : 'stacked',
        data: { id: FIGURE_ID, label: figure.label },
        valueAxis: 'ValueAxis-1',
        drawLinesBetweenPoints: true,
        interpolate: 'linear',
        lineWidth: 2,
        showCircles: true,
      },
    ],
    addTooltip: true,
    addLegend: true,
    legendPosition: 'right',
    times: [],
    addTimeMarker: false,
    labels: {},
    thresholdLine: { show: false, value: 10, width: 1, style: 'full', color: '#E7664C' },
  };
}
