/** Asks an engine what the dashboard's saved objects ask. */
import { type Picture, RUNS_WITH_ERRORS } from '../../scripts/kibana/pictures.ts';
import { TIME_FIELD } from '../../src/subscription/index-template.ts';
import type { LineDocument } from '../support/day-truth.ts';
import { askEngine } from '../support/search-engines.ts';
import { importedObject, searchSourceOf, stateOf, vegaOf } from './import-file.ts';
import type { TimeRange } from './time-range.ts';
import { filledBody } from './vega-request.ts';
import {
  otherBody,
  type Row,
  rowsOf,
  type SearchAnswer,
  searchBody,
  searchQuery,
} from './visualization-request.ts';

/** Where lines are loaded. */
export interface LoadedIndex {
  readonly url: string;
  /** Name or pattern. */
  readonly index: string;
}

/** What Kibana would draw of the visualization. */
export async function drawnRows(at: LoadedIndex, { id }: Picture, range: TimeRange): Promise<Row[]> {
  const object = importedObject(id, 'visualization');
  const state = stateOf(object);
  const body = searchBody(state, searchSourceOf(object), TIME_FIELD, range);
  const answer = await search<SearchAnswer>(at, body);
  const other = otherBody(state, body, answer);
  return rowsOf(state, answer, other && (await search(at, other)));
}

/** The answer to the request of a heatmap's Vega specification. */
export async function vegaAnswer(at: LoadedIndex, { id }: Picture, range: TimeRange): Promise<VegaAnswer> {
  const [{ url }] = vegaOf(importedObject(`${id}-vega`, 'visualization')).data;
  return search(at, filledBody(url.body, range));
}

interface Average {
  readonly value: number | null;
}

export interface VegaAnswer {
  readonly aggregations: {
    readonly jobs: {
      readonly buckets: readonly {
        readonly key: string;
        readonly doc_count: number;
        readonly figure: Average;
        readonly times: {
          readonly buckets: readonly {
            readonly key: number;
            readonly doc_count: number;
            readonly figure: Average;
          }[];
        };
      }[];
    };
  };
}

/** Its cells that have a colour. */
export function vegaRows({ aggregations }: VegaAnswer): Row[] {
  return aggregations.jobs.buckets.map(({ key, doc_count, times }) => ({
    job: key,
    lineCount: doc_count,
    cells: times.buckets
      .filter(({ figure }) => figure.value !== null)
      .map((cell) => ({ fromMs: cell.key, lineCount: cell.doc_count, value: cell.figure.value })),
  }));
}

/** The table's rows, in its order, as far as it shows them. */
export async function listedRuns(at: LoadedIndex, range: TimeRange): Promise<LineDocument[]> {
  const object = importedObject(RUNS_WITH_ERRORS.id, 'search');
  const sort = object.attributes.sort as readonly (readonly [string, string])[];
  const answer = await search<{ hits: { hits: { _source: LineDocument }[] } }>(at, {
    size: 500,
    sort: sort.map(([field, order]) => ({ [field]: { order } })),
    query: searchQuery(searchSourceOf(object), TIME_FIELD, range),
  });
  return answer.hits.hits.map(({ _source }) => _source);
}

async function search<Answer>({ url, index }: LoadedIndex, body: object): Promise<Answer> {
  const { status, body: answer } = await askEngine<Answer>({ url }, 'POST', `/${index}/_search`, body);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(answer)}`);
  return answer;
}
