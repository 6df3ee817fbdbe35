import type { KnownBlock, MrkdwnElement } from '@slack/types';
import { isoTime } from '../core/line.ts';
import { logStreamUrl, taskUrl } from './console-links.ts';
import { duration, figuresOf } from './figures.ts';
import type { LogLocation } from './log-location.ts';
import { code, link, literal } from './mrkdwn.ts';
import type { Report } from './report.ts';
import type { Result, RunEnding } from './run-ending.ts';
import type { StoppedTask } from './stopped-task.ts';

/** What goes to Slack, but for the channel. */
export interface Message {
  /** For notifications, screen readers and clients without blocks: mrkdwn, too. */
  readonly text: string;
  readonly blocks: readonly KnownBlock[];
}

/** What a notice is made from. */
export interface Notice {
  readonly task: StoppedTask;
  readonly ending: RunEnding;
  readonly report: Report | undefined;
  /** Why there is no REPORT, as the end of a sentence. */
  readonly noReportReason: string | undefined;
  /** The batch's own log. */
  readonly log: LogLocation | undefined;
  /** Who is told of a failure, in mrkdwn. */
  readonly mention: string | undefined;
}

const SIGNS: Readonly<Record<Result, string>> = { success: '✅', failure: '❌', stopped: '⏹️' };

/**
 * How much of each text from outside is shown, in UTF-16 units. Slack allows 3,000 in a section's text and 2,000 in
 * each of its ten fields (@slack/types, SectionBlock), but refuses a message of some 13,000 in all
 * (msg_blocks_too_long, slackapi/bolt-js issue 2509); and nobody reads that much.
 */
const SHOWN = { job: 255, name: 60, reason: 600, startedBy: 128, noReport: 300 } as const;
const MAX_REASONS = 4;
/** ECS service quotas: containers per task definition; the helpers of AWS come on top of it. */
const MAX_CONTAINERS = 12;
/** A task's id has 32 digits, the first eight tell two events of one task from events of two. */
const SHORT_ID_LENGTH = 8;

/**
 * The message of a notice: Block Kit with a text for where there are no blocks. Nothing that comes from outside can
 * mention or link (see mrkdwn.ts), and with `verbatim` Slack does not look for names in it either.
 */
export function messageOf(notice: Notice): Message {
  const { task, ending, report } = notice;
  const job = literal(report?.job ?? task.family ?? 'task', SHOWN.job);
  const mention = ending.result === 'failure' && notice.mention ? ` ${notice.mention}` : '';
  const sign = SIGNS[ending.result];
  const why = ending.result === 'success' ? [] : explanationOf(task, ending);
  const blocks: KnownBlock[] = [
    { type: 'section', text: mrkdwn(`${sign} *${job}* ${ending.headline}${mention}`) },
    ...(why.length > 0 ? [{ type: 'section' as const, text: mrkdwn(why.join('\n')) }] : []),
    {
      type: 'section',
      fields: fieldsOf(task, report).map(([label, value]) => mrkdwn(`*${label}*\n${value}`)),
    },
    { type: 'context', elements: footOf(notice).map(mrkdwn) },
  ];
  return { text: `${sign} ${job} ${ending.headline}${shortFigures(notice)}${mention}`, blocks };
}

function mrkdwn(text: string): MrkdwnElement {
  return { type: 'mrkdwn', text, verbatim: true };
}

/** Why the run ended so: in our words, then in those of ECS. */
function explanationOf(
  { stopCode, stoppedReason, containers }: StoppedTask,
  { explanation }: RunEnding,
): string[] {
  const reasons = [stoppedReason, ...containers.map(({ reason }) => reason)].filter(
    (reason) => reason !== undefined,
  );
  const distinct = [...new Set(reasons)];
  const shown = distinct.slice(0, MAX_REASONS).map((reason) => code(reason, SHOWN.reason));
  const left = distinct.length - MAX_REASONS;
  return [
    explanation ?? (stopCode === undefined ? undefined : `ECS says ${code(stopCode, SHOWN.name)}.`),
    ...shown,
    left > 0 ? `and ${left} more` : undefined,
  ].filter((line) => line !== undefined);
}

/** At most ten: what Slack allows. */
function fieldsOf(
  task: StoppedTask,
  report: Report | undefined,
): readonly (readonly [label: string, value: string])[] {
  const fields: readonly (readonly [label: string, value: string | undefined])[] = [
    ['Duration', durationOf(task, report)],
    ['Exit codes', exitCodesOf(task)],
    ['Started by', task.startedBy && starterOf(task.startedBy)],
    ['Cluster', task.cluster && literal(task.cluster, SHOWN.name)],
    ...(report ? figuresOf(report).map(({ label, value }) => [label, value] as const) : []),
  ];
  return fields.flatMap(([label, value]) => (value ? [[label, value]] : []));
}

function durationOf({ startedAtMs, endedAtMs }: StoppedTask, report: Report | undefined): string {
  if (report?.durationMs !== undefined) return duration(report.durationMs);
  if (startedAtMs === undefined) return 'never ran';
  return endedAtMs === undefined ? 'unknown' : duration(Math.max(0, endedAtMs - startedAtMs));
}

function exitCodesOf({ containers }: StoppedTask): string {
  const shown = containers
    .slice(0, MAX_CONTAINERS)
    .map(({ name, exitCode }) => `${code(name, SHOWN.name)} ${exitCode ?? 'none'}`);
  const left = containers.length - MAX_CONTAINERS;
  return [...shown, ...(left > 0 ? [`and ${left} more`] : [])].join('\n') || 'no containers';
}

/** What AWS's own starters write into `startedBy`; for all others it is free text. */
const STARTERS: readonly (readonly [prefix: string, words: string])[] = [
  ['chronos-schedule/', 'EventBridge Scheduler, schedule'],
  ['events-rule/', 'EventBridge, rule'],
  ['ecs-svc/', 'a service, deployment'],
];

function starterOf(startedBy: string): string {
  const [prefix = '', words] = STARTERS.find(([each]) => startedBy.startsWith(each)) ?? [];
  const name = code(startedBy.slice(prefix.length), SHOWN.startedBy);
  return words === undefined ? name : `${words} ${name}`;
}

/** Which task it was, and where to look; the short id tells a notice that came twice. */
function footOf({ task, report, noReportReason, log }: Notice): string[] {
  const { taskId, family, revision, endedAtMs } = task;
  const url = taskUrl(task);
  const logUrl = log && logStreamUrl(task.partition, log);
  const id = `Task ${taskId.slice(0, SHORT_ID_LENGTH)}`;
  return [
    report ? undefined : `No figures: ${literal(noReportReason ?? 'there is no REPORT', SHOWN.noReport)}.`,
    url ? link(url, id) : id,
    logUrl && link(logUrl, 'Log stream'),
    family === undefined ? undefined : `${literal(family, SHOWN.job)}${revision ? `:${revision}` : ''}`,
    endedAtMs === undefined ? undefined : `ended ${isoTime(endedAtMs)}`,
  ].filter((part) => part !== undefined);
}

function shortFigures({ task, report }: Notice): string {
  const memory = report && figuresOf(report).find(({ label }) => label === 'Memory');
  return [
    '',
    ...(memory ? [`memory ${memory.value}`] : []),
    `duration ${durationOf(task, report)}`,
    `task ${task.taskId.slice(0, SHORT_ID_LENGTH)}`,
  ].join(', ');
}
