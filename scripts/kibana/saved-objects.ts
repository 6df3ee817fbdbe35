/** All saved objects of the dashboard, in an order in which each stands after what it refers to. */
import { TIME_FIELD } from '../../src/subscription/index-template.ts';
import { kibanaVega } from './heatmap-vega.ts';
import { INDEX_PATTERN_ID, indexPatternObject } from './index-pattern.ts';
import {
  CPU_USAGE,
  DASHBOARD,
  MEMORY_USAGE,
  PICTURES,
  type Picture,
  RUNS_WITH_ERRORS,
  TASK_COUNT,
  TASK_DURATION,
  type Table,
} from './pictures.ts';
import { importLine, type SavedObject, searchSource } from './saved-object.ts';
import { visualizationState } from './visualization.ts';

/** In the dashboard's grid of 48 columns; a row of it is 20 pixels high. */
const ROWS: readonly { readonly height: number; readonly panels: readonly (Picture | Table)[] }[] = [
  { height: 12, panels: [TASK_COUNT, TASK_DURATION] },
  { height: 15, panels: [CPU_USAGE, MEMORY_USAGE] },
  { height: 16, panels: [RUNS_WITH_ERRORS] },
];
const COLUMN_COUNT = 48;

const HEATMAPS = PICTURES.filter(({ kind }) => kind === 'heatmap');

export function savedObjects(): SavedObject[] {
  return [
    indexPatternObject(),
    ...PICTURES.map(visualizationObject),
    ...HEATMAPS.map(vegaObject),
    searchObject(RUNS_WITH_ERRORS),
    dashboardObject(),
  ];
}

/** One file for all: Kibana 7.10 and OpenSearch Dashboards read the same objects. */
export function importFile(): string {
  return savedObjects().map(importLine).join('');
}

function visualizationObject(picture: Picture): SavedObject {
  const { id, title, description, lineType, figure } = picture;
  const query =
    figure.aggregation === 'count' ? ofType(lineType) : `${ofType(lineType)} and ${figure.field}:*`;
  const { kibanaSavedObjectMeta, references } = searchSource(INDEX_PATTERN_ID, query);
  return {
    id,
    type: 'visualization',
    attributes: {
      title,
      description,
      visState: JSON.stringify(visualizationState(picture)),
      uiStateJSON: '{}',
      version: 1,
      kibanaSavedObjectMeta,
    },
    references,
  };
}

/** Beside the classic heatmap: Vega draws it where classic visualizations are no longer to be had. */
function vegaObject(picture: Picture): SavedObject {
  const title = `${picture.title} (Vega)`;
  const visState = {
    title,
    type: 'vega',
    aggs: [],
    params: { spec: JSON.stringify(kibanaVega(picture), null, 2) },
  };
  return {
    id: `${picture.id}-vega`,
    type: 'visualization',
    attributes: {
      title,
      description: picture.description,
      visState: JSON.stringify(visState),
      uiStateJSON: '{}',
      version: 1,
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }),
      },
    },
    references: [],
  };
}

function searchObject({ id, title, description, lineType, having, columns }: Table): SavedObject {
  const query = `${ofType(lineType)} and ${having}:*`;
  const { kibanaSavedObjectMeta, references } = searchSource(INDEX_PATTERN_ID, query, {
    highlightAll: true,
    version: true,
  });
  return {
    id,
    type: 'search',
    attributes: {
      title,
      description,
      hits: 0,
      columns,
      sort: [[TIME_FIELD, 'desc']],
      version: 1,
      kibanaSavedObjectMeta,
    },
    references,
  };
}

function dashboardObject(): SavedObject {
  const { id, title, description } = DASHBOARD;
  const placed = ROWS.flatMap(({ height, panels }, row) => {
    const w = COLUMN_COUNT / panels.length;
    const y = ROWS.slice(0, row).reduce((sum, above) => sum + above.height, 0);
    return panels.map((panel, column) => ({ panel, place: { x: column * w, y, w, h: height } }));
  });
  const panelsJson = placed.map(({ place }, index) => ({
    version: '7.10.0',
    gridData: { ...place, i: String(index) },
    panelIndex: String(index),
    embeddableConfig: {},
    panelRefName: `panel_${index}`,
  }));
  return {
    id,
    type: 'dashboard',
    attributes: {
      title,
      description,
      hits: 0,
      panelsJSON: JSON.stringify(panelsJson),
      optionsJSON: JSON.stringify({ hidePanelTitles: false, useMargins: true }),
      version: 1,
      timeRestore: true,
      timeFrom: 'now-24h',
      timeTo: 'now',
      refreshInterval: { pause: true, value: 0 },
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({ query: { query: '', language: 'kuery' }, filter: [] }),
      },
    },
    references: placed.map(({ panel }, index) => ({
      name: `panel_${index}`,
      type: 'columns' in panel ? 'search' : 'visualization',
      id: panel.id,
    })),
  };
}

/** In Kibana's query language. */
function ofType(lineType: string): string {
  return `type:"${lineType}"`;
}
