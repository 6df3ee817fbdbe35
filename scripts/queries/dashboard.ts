import { queryNamed } from './saved-queries.ts';

/** `timeSeries` draws a line, `bar` bars. Source: "Dashboard Body Structure and Syntax", CloudWatch API reference. */
type View = 'timeSeries' | 'bar' | 'table';

interface Widget {
  readonly title: string;
  readonly query: string;
  readonly view: View;
  /** In the dashboard's grid of 24 columns. */
  readonly width: number;
  readonly height: number;
}

const ROWS: readonly (readonly Widget[])[] = [
  [
    { title: 'Task count: runs an hour', query: 'runs-over-time', view: 'timeSeries', width: 8, height: 6 },
    {
      title: 'Task duration: longest run of the hour (s)',
      query: 'duration-over-time',
      view: 'timeSeries',
      width: 8,
      height: 6,
    },
    { title: 'Failures an hour', query: 'failures-over-time', view: 'timeSeries', width: 4, height: 6 },
    {
      title: 'Out of memory, an hour',
      query: 'out-of-memory-over-time',
      view: 'timeSeries',
      width: 4,
      height: 6,
    },
  ],
  [
    {
      title: 'Resource usage: memory, highest (% of the limit)',
      query: 'memory-over-time',
      view: 'timeSeries',
      width: 12,
      height: 6,
    },
    {
      title: 'Resource usage: CPU of the busiest container (% of the size)',
      query: 'cpu-over-time',
      view: 'timeSeries',
      width: 12,
      height: 6,
    },
  ],
  [
    {
      title: 'What failed, and how much memory had it?',
      query: 'failures',
      view: 'table',
      width: 24,
      height: 6,
    },
  ],
  [
    { title: 'Runs without a REPORT', query: 'runs-without-report', view: 'table', width: 12, height: 6 },
    { title: 'How runs end', query: 'outcomes', view: 'table', width: 12, height: 6 },
  ],
  [
    { title: 'Memory: size and use', query: 'over-provisioned-memory', view: 'table', width: 12, height: 6 },
    { title: 'CPU: size and use', query: 'over-provisioned-cpu', view: 'table', width: 12, height: 6 },
  ],
];

/**
 * The dashboard's body as JSON with two gaps, filled by `Fn::Sub` in CloudFormation and by `templatefile` in Terraform:
 * `${Region}`, and `${Sources}`, the names of the log groups joined by `' | SOURCE '`.
 */
export function dashboardBody(): string {
  const heights = ROWS.map((row) => Math.max(...row.map(({ height }) => height)));
  const widgets = ROWS.flatMap((row, line) => {
    const y = heights.slice(0, line).reduce((sum, height) => sum + height, 0);
    return row.map(({ title, query, view, width, height }, column) => ({
      type: 'log',
      x: row.slice(0, column).reduce((sum, each) => sum + each.width, 0),
      y,
      width,
      height,
      properties: {
        region: `\${Region}`,
        title,
        query: `SOURCE '\${Sources}' | ${commandByLine(queryNamed(query).commands)}`,
        view,
      },
    }));
  });
  return JSON.stringify({ start: '-P7D', widgets }, null, 2);
}

/** As the page wants a widget's query: each line begins with a command. */
function commandByLine(commands: string): string {
  return commands.replaceAll(/\n +/g, ' ');
}
