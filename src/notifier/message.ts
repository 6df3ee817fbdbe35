import type { KnownBlock, MrkdwnElement } from '@slack/types';
import { isoTime } from '../core/line.ts';
import { known } from '../core/units.ts';
import { logStreamUrl, taskUrl } from './console-links.ts';
import { duration, figuresOf, MEMORY_LABEL } from './figures.ts';
import type { LogLocation } from './log-location.ts';
import { code, link, literal } from './mrkdwn.ts';
import type { Result, RunEnding } from './run-ending.ts';
import type { RunLines } from './run-lines.ts';
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
  readonly lines: RunLines | undefined;
  /** Why there are none, as the end of a sentence. */
  readonly noLinesReason: string | undefined;
  /** The batch's own log. */
  readonly log: LogLocation | undefined;
  /** Who is told of a failure, in mrkdwn. */
  readonly mention: string | undefined;
}

const SIGNS: Readonly<Record<Result, string>> = { success: '✅', failure: '❌', stopped: '⏹️' };

/**
 * How much of each text from outside is shown, in UTF-16 units. Slack allows 3,000 in a section's text and 2,000 in
 * each of its ten fields (@slack/types, SectionBlock), but refuses a message of some 13,000 in all
 * (msg_blocks_too_long, slackapi/bolt-js issue 2509); and nobody reads that much. Four reasons, the evidence and a
 * sentence of ours are one section.
 */
const SHOWN = { job: 255, name: 60, reason: 600, evidence: 400, startedBy: 128, noReport: 300 } as const;
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
  const { task, ending, lines } = notice;
  const job = literal(lines?.report.job ?? task.family ?? '', SHOWN.job) || 'task';
  const mention = ending.result === 'failure' && notice.mention ? ` ${notice.mention}` : '';
  const sign = SIGNS[ending.result];
  const why = ending.result === 'success' ? [] : explanationOf(notice);
  const blocks: KnownBlock[] = [
    { type: 'section', text: mrkdwn(`${sign} *${job}* ${ending.headline}${mention}`) },
    ...(why.length > 0 ? [{ type: 'section' as const, text: mrkdwn(why.join('\n')) }] : []),
    { type: 'section', fields: fieldsOf(notice) },
    { type: 'context', elements: footOf(notice).map(mrkdwn) },
  ];
  return { text: `${sign} ${job} ${ending.headline}${shortFigures(notice)}${mention}`, blocks };
}

function mrkdwn(text: string): MrkdwnElement {
  return { type: 'mrkdwn', text, verbatim: true };
}

/** Why the run ended so: in our words, then in those of ECS, then what the sidecar saw. */
function explanationOf({ task, ending, lines }: Notice): string[] {
  const { stopCode, stoppedReason, containers } = task;
  const reasons = [stoppedReason, ...containers.map(({ reason }) => reason)];
  const distinct = [...new Set(reasons.map((reason) => code(reason ?? '', SHOWN.reason)))].filter(Boolean);
  const left = distinct.length - MAX_REASONS;
  return [
    ending.explanation ?? known(stopCode, (word) => `ECS says ${code(word, SHOWN.name)}.`),
    ...distinct.slice(0, MAX_REASONS),
    left > 0 ? `and ${left} more` : undefined,
    known(lines?.report.oomEvidence, (evidence) => `Evidence: ${literal(evidence, SHOWN.evidence)}.`),
  ].filter((line) => line !== undefined);
}

/** Nine at most, of the ten that Slack allows. */
function fieldsOf({ task, lines }: Notice): MrkdwnElement[] {
  const fields: readonly (readonly [label: string, value: string | undefined])[] = [
    ['Duration', durationOf(task, lines)],
    ['Exit codes', exitCodesOf(task)],
    ['Started by', known(task.startedBy, starterOf)],
    ['Cluster', known(task.cluster, (cluster) => literal(cluster, SHOWN.name))],
    ...(lines ? figuresOf(lines).map(({ label, value }) => [label, value] as const) : []),
  ];
  return fields.flatMap(([label, value]) => (value ? [mrkdwn(`*${label}*\n${value}`)] : []));
}

function durationOf({ startedAtMs, endedAtMs }: StoppedTask, lines: RunLines | undefined): string {
  const told = lines?.report.durationMs;
  if (told !== undefined) return duration(told);
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
function footOf({ task, lines, noLinesReason, log }: Notice): string[] {
  const { taskId, family, revision, endedAtMs } = task;
  const url = taskUrl(task);
  // A task that never ran has no log stream.
  const logUrl = log && task.startedAtMs !== undefined && logStreamUrl(task.partition, log);
  const id = `Task ${taskId.slice(0, SHORT_ID_LENGTH)}`;
  return [
    lines ? undefined : `No figures: ${literal(noLinesReason ?? 'there is no REPORT', SHOWN.noReport)}.`,
    url ? link(url, id) : id,
    logUrl ? link(logUrl, 'Log stream') : undefined,
    revision === undefined ? undefined : `${literal(family ?? '', SHOWN.job)}:${revision}`,
    endedAtMs === undefined ? undefined : `ended ${isoTime(endedAtMs)}`,
  ].filter((part) => part !== undefined);
}

function shortFigures({ task, lines }: Notice): string {
  const memory = lines && figuresOf(lines).find(({ label }) => label === MEMORY_LABEL)?.value;
  return [
    '',
    ...(memory === undefined ? [] : [`memory ${memory}`]),
    task.startedAtMs === undefined ? 'never ran' : `duration ${durationOf(task, lines)}`,
    `task ${task.taskId.slice(0, SHORT_ID_LENGTH)}`,
  ].join(', ');
}
