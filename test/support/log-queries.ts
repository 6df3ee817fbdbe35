/**
 * What CloudWatch Logs answers to those who read: queries of Logs Insights, run by the evaluator of test/insights, and
 * FilterLogEvents. As its API reference describes StartQuery, GetQueryResults, StopQuery and FilterLogEvents.
 */
import { checkNames } from '../insights/check.ts';
import { evaluate, type Value } from '../insights/evaluator.ts';
import { parseQuery } from '../insights/parser.ts';
import { QueryError } from '../insights/query.ts';
import { AwsError } from './aws-error.ts';
import { parseFilterPattern } from './filter-pattern.ts';

const MAX_ROWS = 10_000;
const MAX_LOG_GROUPS = 50;

export interface ReadableEvent {
  readonly timestamp: number;
  readonly message: string;
}

type Body = Readonly<Record<string, unknown>>;

/** One query that was started. */
export interface StartedQuery {
  readonly queryId: string;
  readonly text: string;
  readonly logGroupNames: readonly string[];
  /** Seconds since the epoch, both included. */
  readonly startTime: number;
  readonly endTime: number;
  rowCount?: number;
  isStopped: boolean;
}

export interface LogQueriesOptions {
  /** @throws AwsError where there is no such group */
  readonly eventsOf: (logGroupName: string) => readonly ReadableEvent[];
  readonly nowMs: () => number;
}

/** How the next queries go. */
export interface QueryCourse {
  /** What GetQueryResults says, one after the other; the last for ever. */
  readonly statuses: readonly string[];
}

export const USUAL_COURSE: QueryCourse = { statuses: ['Scheduled', 'Running', 'Complete'] };

export class LogQueries {
  readonly #options: LogQueriesOptions;
  readonly #statusesOf = new Map<string, string[]>();
  readonly started: StartedQuery[] = [];
  course = USUAL_COURSE;
  /** Events that a page of FilterLogEvents looks at. */
  pageSize = 10_000;
  /** Rows that one answer of GetQueryResults has. */
  resultPageSize = MAX_ROWS;

  constructor(options: LogQueriesOptions) {
    this.#options = options;
  }

  /** @throws AwsError; undefined where the action is none of these */
  perform(action: string, body: Body): object | undefined {
    switch (action) {
      case 'StartQuery':
        return this.#start(body);
      case 'GetQueryResults':
        return this.#results(String(body.queryId), Number(body.nextToken ?? 0));
      case 'StopQuery':
        return this.#stop(String(body.queryId));
      case 'FilterLogEvents':
        return this.#filter(body);
      default:
        return undefined;
    }
  }

  #start({ logGroupNames, startTime, endTime, queryString }: Body): object {
    const names = logGroupNames as readonly string[];
    if (names.length > MAX_LOG_GROUPS) throw invalid(`${names.length} log groups`);
    for (const name of names) this.#options.eventsOf(name);
    for (const time of [startTime, endTime]) {
      // Milliseconds would be taken for the year 57,000.
      if (!Number.isInteger(time) || Number(time) < 0 || Number(time) > 1e11) throw invalid(`time ${time}`);
    }
    if (Number(startTime) > Number(endTime)) throw invalid('End time should not be less than start time');
    const text = String(queryString);
    try {
      checkNames(parseQuery(text));
    } catch (error) {
      if (error instanceof QueryError) throw new AwsError('MalformedQueryException', error.message);
      throw error;
    }
    const queryId = `query-${this.started.length + 1}`;
    this.started.push({
      queryId,
      text,
      logGroupNames: names,
      startTime: Number(startTime),
      endTime: Number(endTime),
      isStopped: false,
    });
    this.#statusesOf.set(queryId, [...this.course.statuses]);
    return { queryId };
  }

  #results(queryId: string, start: number): object {
    const query = this.#queryOf(queryId);
    const statuses = this.#statusesOf.get(queryId) ?? [];
    const [status] = statuses;
    if (statuses.length > 1) statuses.shift();
    if (query.isStopped) return { status: 'Cancelled', results: [] };
    if (status !== 'Complete') return { status, results: [] };
    const events = query.logGroupNames
      .flatMap((name) => this.#options.eventsOf(name))
      .filter(
        ({ timestamp }) => timestamp >= query.startTime * 1_000 && timestamp < (query.endTime + 1) * 1_000,
      );
    const { names, rows } = evaluate(
      parseQuery(query.text),
      events.map(({ timestamp, message }) => ({ timestampMs: timestamp, message })),
      this.#options.nowMs(),
    );
    query.rowCount = Math.min(rows.length, MAX_ROWS);
    const end = start + this.resultPageSize;
    return {
      status,
      results: rows.slice(start, Math.min(end, query.rowCount)).map((row) =>
        names.flatMap((field) => {
          const value = row.get(field);
          return value === undefined ? [] : [{ field, value: textOf(field, value) }];
        }),
      ),
      ...(end < query.rowCount && { nextToken: String(end) }),
      statistics: {
        recordsMatched: rows.length,
        recordsScanned: events.length,
        bytesScanned: events.reduce((sum, { message }) => sum + message.length, 0),
      },
    };
  }

  #stop(queryId: string): object {
    this.#queryOf(queryId).isStopped = true;
    return { success: true };
  }

  #queryOf(queryId: string): StartedQuery {
    const query = this.started.find((each) => each.queryId === queryId);
    if (query === undefined) throw new AwsError('ResourceNotFoundException', `no query ${queryId}`);
    return query;
  }

  /** Pages may be empty: CloudWatch Logs looks at so many events, and gives those that match. */
  #filter({ logGroupName, startTime, endTime, filterPattern, nextToken }: Body): object {
    const matches = parseFilterPattern(String(filterPattern));
    const events = this.#options
      .eventsOf(String(logGroupName))
      .filter(({ timestamp }) => timestamp >= Number(startTime) && timestamp <= Number(endTime))
      .toSorted((a, b) => a.timestamp - b.timestamp);
    const start = nextToken === undefined ? 0 : Number(nextToken);
    const end = start + this.pageSize;
    return {
      events: events.slice(start, end).filter(({ message }) => matches(message)),
      ...(end < events.length && { nextToken: String(end) }),
    };
  }
}

/** As the console shows a time: `2026-11-21 02:00:00.000`. */
function textOf(field: string, value: Exclude<Value, undefined>): string {
  const isTime = field === '@timestamp' || field.startsWith('bin(');
  return isTime ? new Date(Number(value)).toISOString().replace('T', ' ').replace('Z', '') : String(value);
}

function invalid(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}
