import {
  type CloudWatchLogsClient,
  GetQueryResultsCommand,
  type GetQueryResultsRequest,
  type GetQueryResultsResponse,
  StartQueryCommand,
  StopQueryCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import type { Clock } from '../clock.ts';
import { explained, LogGroupError, type TimeWindow, untilAborted } from './log-groups.ts';

/**
 * So many rows a query gives unless its `limit` asks for more, up to ten times as many (StartQuery in the API reference).
 * None of ours does: slices of time are needed beyond that as well.
 */
export const MAX_ROWS = 10_000;

/** A query of little data is done in a second; one of much data is not asked for too often. */
const FIRST_LOOK_MS = 250;
const MAX_LOOK_MS = 2_000;
const LOOK_GROWTH = 1.5;
/** After Ctrl-C or a failure nobody wants to wait for an answer for long: to StartQuery, and then to StopQuery. */
const START_GRACE_MS = 3_000;
const STOP_TIMEOUT_MS = 3_000;

/** A row: the values by the names of its columns, all text. */
export type QueryRow = Readonly<Record<string, string>>;

export interface InsightsOptions {
  readonly client: CloudWatchLogsClient;
  readonly region: string;
  /** Up to 50. */
  readonly logGroupNames: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long after the abort the id of a query is waited for, which is needed to stop it. Default: 3 s. */
  readonly startGraceMs?: number;
}

/**
 * Queries of Logs Insights over the same log groups. A query that is not wanted any more is stopped at AWS: after the
 * abort, and when another of them has failed, which ends them all.
 */
export class InsightsQueries {
  readonly #options: InsightsOptions;
  readonly #failed = new AbortController();
  /** So far, by all queries: what AWS bills. */
  bytesScanned = 0;

  constructor(options: InsightsOptions) {
    this.#options = { ...options, signal: AbortSignal.any([options.signal, this.#failed.signal]) };
  }

  /**
   * The rows of one query, up to MAX_ROWS.
   * @param text with its `limit`, and with the window to the millisecond: StartQuery takes whole seconds
   * @param window is made wider to whole seconds
   * @throws LogGroupError, that of another query too; the signal's reason, once it is aborted
   */
  async rows(text: string, window: TimeWindow): Promise<readonly QueryRow[]> {
    try {
      return await this.#rows(text, window);
    } catch (error) {
      this.#failed.abort(error);
      throw error;
    }
  }

  async #rows(text: string, window: TimeWindow): Promise<readonly QueryRow[]> {
    const { logGroupNames, signal } = this.#options;
    signal.throwIfAborted();
    const command = new StartQueryCommand({
      logGroupNames: [...logGroupNames],
      startTime: Math.floor(window.fromMs / 1_000),
      endTime: Math.ceil(window.toMs / 1_000),
      queryString: text,
    });
    const queryId = await this.#start(command);
    if (queryId === undefined) throw new LogGroupError('CloudWatch Logs started no query and gave no reason');
    try {
      return await this.#resultsOf(queryId);
    } catch (error) {
      // It may have ended of itself, which StopQuery refuses: no matter.
      await this.#stop(queryId);
      throw error;
    }
  }

  /** After the abort too, for a while: a query whose answer nobody waited for could not be stopped. */
  async #start(command: StartQueryCommand): Promise<string | undefined> {
    const { client, signal, startGraceMs = START_GRACE_MS } = this.#options;
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      timer = setTimeout(() => late.abort(), startGraceMs);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const sent = client.send(command, { abortSignal: late.signal });
      return (await untilAborted(sent, late.signal)).queryId;
    } catch (error) {
      return this.#fail(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    }
  }

  async #resultsOf(queryId: string): Promise<readonly QueryRow[]> {
    let answer = await this.#completed(queryId);
    this.bytesScanned += answer.statistics?.bytesScanned ?? 0;
    const rows = (answer.results ?? []).map(rowOf);
    while (answer.nextToken !== undefined) {
      answer = await this.#look({ queryId, nextToken: answer.nextToken });
      for (const fields of answer.results ?? []) rows.push(rowOf(fields));
    }
    return rows;
  }

  /** The first page of what a query found. */
  async #completed(queryId: string): Promise<GetQueryResultsResponse> {
    const { clock, signal } = this.#options;
    for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(MAX_LOOK_MS, lookMs * LOOK_GROWTH)) {
      const answer = await this.#look({ queryId });
      if (answer.status === 'Complete') return answer;
      if (answer.status !== 'Scheduled' && answer.status !== 'Running') throw this.#failure(answer);
      await clock.sleep(lookMs, signal);
      signal.throwIfAborted();
    }
  }

  async #look(input: GetQueryResultsRequest): Promise<GetQueryResultsResponse> {
    const { client, signal } = this.#options;
    const sent = client.send(new GetQueryResultsCommand(input), { abortSignal: signal });
    return untilAborted(sent, signal).catch((error: unknown) => this.#fail(error));
  }

  #failure({ status = 'Unknown' }: GetQueryResultsResponse): LogGroupError {
    const groups = this.#options.logGroupNames.join(', ');
    const advice: Readonly<Record<string, string>> = {
      Cancelled: 'somebody stopped it',
      Timeout: 'it took longer than 60 minutes: choose a shorter --since',
    };
    return new LogGroupError(
      `log group ${groups}: the query ended as ${status}: ${advice[status] ?? 'try again later, or with --no-insights'}`,
    );
  }

  /** @throws LogGroupError; the signal's reason */
  #fail(error: unknown): never {
    const { region, logGroupNames, signal } = this.#options;
    signal.throwIfAborted();
    throw explained(error, {
      region,
      logGroupNames,
      actions: ['logs:StartQuery'],
      unscopedActions: ['logs:GetQueryResults', 'logs:StopQuery'],
    });
  }

  /** As far as it can be: it costs while it runs, and nobody reads its results. */
  async #stop(queryId: string): Promise<void> {
    const abortSignal = AbortSignal.timeout(STOP_TIMEOUT_MS);
    const sent = this.#options.client.send(new StopQueryCommand({ queryId }), { abortSignal });
    await untilAborted(sent, abortSignal).catch(() => {});
  }
}

function rowOf(fields: readonly { field?: string | undefined; value?: string | undefined }[]): QueryRow {
  return Object.fromEntries(
    fields.flatMap(({ field, value }) =>
      field === undefined || value === undefined ? [] : [[field, value]],
    ),
  );
}
