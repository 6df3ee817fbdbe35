import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboardBody } from '../../scripts/queries/dashboard.ts';
import { SAVED_QUERIES } from '../../scripts/queries/saved-queries.ts';
import { GENERATED_FILES } from '../../scripts/queries.ts';
import { resultOf, TWO_WEEKS } from '../insights/expected-rows.ts';
import { parseQuery } from '../insights/parser.ts';
import { readTemplate } from './cloudformation-template.ts';

describe('what is made of deploy/queries (npm run queries makes it)', () => {
  const paths = [...GENERATED_FILES.keys()];

  it.each(paths.map((path) => [basename(path), path]))('%s is up to date', (_, path) => {
    expect(readFileSync(path, 'utf8')).toBe(GENERATED_FILES.get(path));
  });

  it('leaves no query in the Terraform module that is gone', () => {
    const copies = paths.filter((path) => path.endsWith('.logs-insights'));
    expect(globSync('*.logs-insights', { cwd: dirname(copies[0] ?? '') })).toHaveLength(copies.length);
  });
});

describe('the template of the saved queries', () => {
  const { Resources } = readTemplate('queries.yaml');

  it('has each query as it is, in one folder', () => {
    const made = Object.values(Resources).map(({ Type, Properties }) => [
      Type,
      Properties.Name,
      Properties.QueryString,
    ]);
    const wanted = SAVED_QUERIES.map(({ name, text }) => [
      'AWS::Logs::QueryDefinition',
      { 'Fn::Sub': `\${Folder}/${name}` },
      text,
    ]);
    expect(made).toEqual(wanted);
  });
});

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly region: string;
    readonly title: string;
    readonly query: string;
    readonly view: string;
  };
}

/** The body once its gaps are filled. */
function filledBody(logGroupNames: readonly string[]): {
  readonly start: string;
  readonly widgets: readonly Widget[];
} {
  const text = dashboardBody()
    .replaceAll(`\${Sources}`, logGroupNames.join("' | SOURCE '"))
    .replaceAll(`\${Region}`, 'eu-west-1');
  expect(text).not.toContain('${');
  return JSON.parse(text);
}

/** Sources: "Widgets Array Structure" and "Properties of a Log Widget Object", CloudWatch API reference. */
describe('the dashboard', () => {
  const { start, widgets } = filledBody(['/ecs/nightly-batch', '/ecs/other']);
  const byTitle = widgets.map((widget) => [widget.properties.title, widget] as const);

  it('is the template filled with the region and the log groups', () => {
    const { DashboardBody } = readTemplate('dashboard.yaml').Resources.Dashboard?.Properties ?? {};
    expect(DashboardBody).toEqual({
      'Fn::Sub': [
        `${dashboardBody()}\n`,
        {
          Region: { 'Fn::If': ['IsOwnRegion', { Ref: 'AWS::Region' }, { Ref: 'LogRegion' }] },
          Sources: { 'Fn::Join': ["' | SOURCE '", { Ref: 'LogGroupNames' }] },
        },
      ],
    });
  });

  it('shows a week, and has the pictures that it is for', () => {
    expect(start).toBe('-P7D');
    const titles = byTitle.map(([title]) => title).join('\n');
    for (const picture of ['Task count', 'Task duration', 'Resource usage', 'Failures', 'Out of memory']) {
      expect(titles).toContain(picture);
    }
  });

  it.each(byTitle)('%s stands within the 24 columns', (_, { type, x, y, width, height }) => {
    expect(type).toBe('log');
    for (const part of [x, y, width, height]) expect(Number.isInteger(part)).toBe(true);
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(1);
    expect(x + width).toBeLessThanOrEqual(24);
    expect(height).toBeLessThanOrEqual(1_000);
  });

  it('has no widget over another', () => {
    const cells = widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, at) => `${x + (at % width)},${y + Math.floor(at / width)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it.each(byTitle)(
    '%s has the properties that a log widget may have, and the sources first',
    (_, { properties }) => {
      expect(Object.keys(properties)).toEqual(['region', 'title', 'query', 'view']);
      expect(properties.region).toBe('eu-west-1');
      expect(['table', 'timeSeries', 'bar', 'pie']).toContain(properties.view);
      expect(properties.query).toMatch(
        /^SOURCE '\/ecs\/nightly-batch' \| SOURCE '\/ecs\/other' \| (?:fields|filter) /,
      );
      const laterLines = properties.query.split('\n').slice(1);
      expect(laterLines.filter((line) => !line.startsWith('| '))).toEqual([]);
    },
  );

  it.each(byTitle)('%s asks a saved query, which has rows', (_, { properties }) => {
    const text = properties.query.replace(/^(?:SOURCE '[^']*' \| )+/, '');
    expect(SAVED_QUERIES.map((query) => JSON.stringify(parseQuery(query.text)))).toContain(
      JSON.stringify(parseQuery(text)),
    );
    expect(resultOf({ text }, TWO_WEEKS).rows).not.toEqual([]);
  });

  /** Source: "Visualize time series data" in CWL_QuerySyntax-Stats; a line for each value of one field needs one figure. */
  it.each(byTitle.filter(([, { properties }]) => properties.view === 'timeSeries'))(
    '%s draws one figure by job over time',
    (_, { properties }) => {
      const stats = parseQuery(properties.query.replace(/^(?:SOURCE '[^']*' \| )+/, '')).at(-1);
      expect(stats).toMatchObject({
        kind: 'stats',
        by: [{ name: 'job' }, { expression: { kind: 'call', name: 'bin' } }],
      });
      expect(stats?.kind === 'stats' && stats.columns).toHaveLength(1);
    },
  );
});
