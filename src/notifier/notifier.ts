import type { Clock } from '../clock.ts';
import { isSelected } from '../core/selection.ts';
import { classifyFailure } from '../sinks/retry.ts';
import type { Aws } from './aws.ts';
import { logsOf, type TaskDefinition, type TaskLogs } from './log-location.ts';
import { type Message, messageOf } from './message.ts';
import { type Search, searchReport } from './report-search.ts';
import { endingOf, type Result } from './run-ending.ts';
import type { Settings } from './settings.ts';
import { post, SlackError } from './slack.ts';
import { destinationOf, SecretError } from './slack-access.ts';
import { parseEvent, type SkipReason, type StoppedTask } from './stopped-task.ts';

/** What became of an event. */
export type Notified =
  | { readonly kind: 'sent'; readonly result: Result; readonly taskId: string; readonly hasReport: boolean }
  | { readonly kind: 'skipped'; readonly reason: NoticeSkipReason; readonly count: number };

/**
 * Why there is no notice:
 * - `other-family`: the settings do not list its family.
 * - `unwanted`: the settings name no place for runs that ended so.
 */
export type NoticeSkipReason = SkipReason | 'other-family' | 'unwanted';

export interface NotifierDependencies {
  readonly settings: Settings;
  readonly aws: Aws;
  readonly clock: Clock;
  readonly random: () => number;
  /** For the function's own log. */
  readonly log: (fields: Readonly<Record<string, unknown>>) => void;
}

/** What the post to Slack gets of the function's time at least, ms. */
const RESERVED_FOR_SLACK_MS = 15_000;
/** What is left of it when all is given up, so that the reason can be told. */
const RESERVED_FOR_END_MS = 1_000;
/** A replaced secret is seen after this at the latest, ms. */
const SECRET_LIFE_MS = 300_000;
/** Clocks differ, and the log driver dates a line when it reads it. */
const SINCE_MARGIN_MS = 60_000;

/**
 * Tells Slack of tasks that have stopped. It lives as long as the function's sandbox, and keeps the secret and task
 * definitions for the next event.
 */
export class Notifier {
  readonly #dependencies: NotifierDependencies;
  readonly #skipCounts = new Map<string, number>();
  #secret: { readonly text: string; readonly readAtMs: number } | undefined;

  constructor(dependencies: NotifierDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * One event, one notice; the same event again gives the same notice again.
   * @param event anything; what is not a stopped task is skipped and counted, because another try would not mend it
   * @param remainingMs of the function's time
   * @throws SlackError or SecretError when the notice could not be sent: then the event must come again, or be kept
   */
  async notify(event: unknown, remainingMs: number): Promise<Notified> {
    const { clock, settings } = this.#dependencies;
    const endMs = clock.elapsed() + remainingMs - RESERVED_FOR_END_MS;
    const parsed = parseEvent(event);
    if (parsed.kind === 'skip') return this.#skip(parsed.reason);
    const { task } = parsed;
    // The rule lets all families through: EventBridge takes few patterns with an asterisk, and few long ones.
    if (!isSelected(settings.families, task.family ?? '')) return this.#skip('other-family');
    const lookUntilMs = endMs - RESERVED_FOR_SLACK_MS;
    const definition = await this.#describe(task, lookUntilMs);
    const logs = definition && logsOf(task, definition);
    const search = await this.#search(task, logs, lookUntilMs);
    const lines = search.kind === 'found' ? search.lines : undefined;
    const essential = definition?.containers.filter(({ isEssential }) => isEssential).map(({ name }) => name);
    const ending = endingOf(task, lines?.report, essential && new Set(essential));
    const message = messageOf({
      task,
      ending,
      lines,
      noLinesReason: search.kind === 'missing' ? search.reason : undefined,
      log: logs?.batch,
      mention: settings.failureMention,
    });
    const isSent = await this.#send(ending.result, message, endMs);
    if (!isSent) return this.#skip('unwanted');
    return { kind: 'sent', result: ending.result, taskId: task.taskId, hasReport: lines !== undefined };
  }

  /** Undefined when it cannot be had: the notice then says less. */
  async #describe({ taskDefinitionArn }: StoppedTask, untilMs: number): Promise<TaskDefinition | undefined> {
    if (taskDefinitionArn === undefined) return undefined;
    const { aws, clock, log } = this.#dependencies;
    try {
      return await aws.describeTaskDefinition(taskDefinitionArn, untilMs - clock.elapsed());
    } catch (error) {
      log({
        level: 'warn',
        message: 'the task definition could not be read',
        taskDefinitionArn,
        reason: reasonOf(error),
      });
      return undefined;
    }
  }

  async #search(task: StoppedTask, logs: TaskLogs | undefined, untilMs: number): Promise<Search> {
    const { settings, aws, clock } = this.#dependencies;
    const missing = (reason: string): Search => ({ kind: 'missing', reason });
    if (logs === undefined) return missing('its task definition could not be read');
    if (task.startedAtMs === undefined) return missing('the task never ran');
    if (logs.report.length === 0) return missing('its task definition names no log group of CloudWatch Logs');
    const search = {
      taskId: task.taskId,
      locations: logs.report,
      sinceMs: task.startedAtMs - SINCE_MARGIN_MS,
      // Without a sidecar there is nothing to wait for; one look costs little, should it go by another name.
      waitMs: logs.hasSidecar ? Math.max(0, Math.min(settings.reportWaitMs, untilMs - clock.elapsed())) : 0,
      untilMs,
    };
    const found = await searchReport(search, (...tail) => aws.readTail(...tail), this.#dependencies);
    return found.kind === 'missing' && !logs.hasSidecar
      ? missing('its task definition has no sidecar')
      : found;
  }

  /** @returns false when the settings name no place for such a result */
  async #send(result: Result, message: Message, untilMs: number): Promise<boolean> {
    const { settings } = this.#dependencies;
    const wasKept = this.#secret !== undefined;
    const destination = destinationOf(await this.#readSecret(untilMs), settings, result);
    if (destination === undefined) return false;
    try {
      await post(destination, message, untilMs, this.#dependencies);
      return true;
    } catch (error) {
      if (!(error instanceof SlackError && error.isAuthentication)) throw error;
      this.#secret = undefined;
      if (!wasKept) throw error;
      // The token may have been replaced since it was read.
      return this.#send(result, message, untilMs);
    }
  }

  async #readSecret(untilMs: number): Promise<string> {
    const { settings, aws, clock } = this.#dependencies;
    const kept = this.#secret;
    if (kept !== undefined && clock.elapsed() - kept.readAtMs < SECRET_LIFE_MS) return kept.text;
    const text = await aws
      .readSecret(settings.secretArn, untilMs - clock.elapsed())
      .catch((error: unknown) => {
        throw new SecretError(`the secret ${settings.secretArn} could not be read: ${reasonOf(error)}`, {
          cause: error,
        });
      });
    this.#secret = { text, readAtMs: clock.elapsed() };
    return text;
  }

  #skip(reason: NoticeSkipReason): Notified {
    const count = (this.#skipCounts.get(reason) ?? 0) + 1;
    this.#skipCounts.set(reason, count);
    return { kind: 'skipped', reason, count };
  }
}

function reasonOf(error: unknown): string {
  return classifyFailure(error).reason;
}
