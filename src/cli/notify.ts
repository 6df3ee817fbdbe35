import { systemClock } from '../clock.ts';
import { messageOf } from '../notifier/message.ts';
import type { NoticeSkipReason } from '../notifier/notifier.ts';
import { endingOf, type Result } from '../notifier/run-ending.ts';
import { findRunLines, type RunLines } from '../notifier/run-lines.ts';
import { NOTIFIER_VARIABLES } from '../notifier/settings.ts';
import { parseEvent } from '../notifier/stopped-task.ts';
import { LineReading } from '../reading/found-lines.ts';
import { fileLines, ReadError } from '../reading/text-lines.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { parseCommandLine, UseError } from './command-line.ts';
import { wholeText } from './whole-text.ts';

/** The notice could not be sent. */
const EXIT_NOT_SENT = 1;
/** As much time as the function has by default, so that what works here works there. */
const TIME_MS = 60_000;

const VARIABLES = Object.values(NOTIFIER_VARIABLES);

const HELP = `Usage: fargauge notify --event FILE --dry-run [--lines FILE]
       fargauge notify --event FILE

With --dry-run it prints the message that the notifier makes of an event of EventBridge ("ECS Task State Change"), as
JSON for Slack's chat.postMessage; its blocks can be pasted into Block Kit Builder. Nothing is asked of AWS or Slack.
Without --dry-run it does here what the function does in AWS: reads the task definition, waits for the REPORT, and
posts to Slack, with the credentials of the aws command and the function's variables.

Options:
  --event FILE   the event, JSON; - is stdin
  --lines FILE   with --dry-run: a log that may hold the run's REPORT, or what aws logs prints of one (.gz too)
  --dry-run      print the message, send nothing
  --help         show this text

Variables, without --dry-run:
${VARIABLES.map(({ name, help }) => `  ${name}\n    ${help.replaceAll('`', '')}`).join('\n')}

Exit codes: 0, also when the event gives no notice, which is told on stderr; 1 when the notice could not be sent; 2 for
wrong use, for a file that cannot be read, and for one that holds no event.
`;

export const notifyCommand: Command = {
  name: 'notify',
  summary: 'the message to Slack for an event of a stopped task',
  help: HELP,
  run,
};

async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals } = parseCommandLine(argv, {
    event: { type: 'string' },
    lines: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
  });
  const { event: eventFile, lines: linesFile, 'dry-run': isDryRun } = values;
  if (eventFile === undefined || positionals.length > 0)
    throw new UseError('name the event with --event FILE');
  if (linesFile !== undefined && !isDryRun) throw new UseError('--lines makes sense with --dry-run only');
  try {
    const event = await readEvent(eventFile, streams);
    return isDryRun ? await show(event, linesFile, streams) : await send(event, streams);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    return tell(streams, error.message, EXIT_USE);
  }
}

function tell({ stderr }: Streams, message: string, exitCode: number): number {
  stderr.write(`fargauge notify: ${message}\n`);
  return exitCode;
}

/** @throws ReadError */
async function readEvent(file: string, { stdin }: Streams): Promise<unknown> {
  let json: string;
  try {
    json = await wholeText(file, stdin);
  } catch (cause) {
    throw new ReadError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  let event: unknown;
  try {
    event = JSON.parse(json);
  } catch (cause) {
    throw new ReadError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const { source, 'detail-type': detailType, Messages } = Object(event);
  if (typeof source === 'string' && typeof detailType === 'string') return event;
  const why = Array.isArray(Messages)
    ? "an answer of SQS; the event is what --query 'Messages[0].Body' --output text prints"
    : 'it has no source and no detail-type';
  throw new ReadError(`${file} is no event of EventBridge: ${why}`);
}

const SKIPS: Readonly<Record<NoticeSkipReason, string>> = {
  'other-event': 'it is no "ECS Task State Change" of aws.ecs',
  'not-stopped': 'the task has not stopped yet: its lastStatus is not STOPPED',
  malformed: 'it does not say which task it is about, or in which state that is',
  'other-family': `its family is not listed in ${NOTIFIER_VARIABLES.families.name}`,
  unwanted: 'no channel or webhook is named for a run that ended so',
};

const CHANNELS: Readonly<Record<Result, string>> = {
  success: 'success',
  failure: 'failure',
  stopped: 'failure',
};

async function show(event: unknown, linesFile: string | undefined, streams: Streams): Promise<number> {
  const parsed = parseEvent(event);
  if (parsed.kind === 'skip') return tell(streams, `no notice: ${SKIPS[parsed.reason]}`, 0);
  const { task } = parsed;
  const lines = linesFile === undefined ? undefined : await readRunLines(linesFile, task.taskId);
  const ending = endingOf(task, lines?.report, undefined);
  const message = messageOf({
    task,
    ending,
    lines,
    noLinesReason: linesFile === undefined ? 'no log was given' : 'the log holds no REPORT of this task',
    log: undefined,
    mention: undefined,
  });
  streams.stdout.write(`${JSON.stringify(message, undefined, 2)}\n`);
  // For a person; a script has what it needs.
  if (streams.stderr.isTTY) tell(streams, `for the ${CHANNELS[ending.result]} channel; nothing was sent`, 0);
  return 0;
}

/**
 * The task's lines in a log, or in what the tools of AWS print of one.
 * @throws ReadError
 */
async function readRunLines(file: string, taskId: string): Promise<RunLines | undefined> {
  const reading = new LineReading({ types: new Set(['CONTAINER', 'REPORT']) });
  const messages: string[] = [];
  for await (const found of reading.of(fileLines(file))) {
    if (found.kind === 'line' && found.line.fields.taskId === taskId) messages.push(found.text);
  }
  return findRunLines(messages, taskId);
}

async function send(event: unknown, streams: Streams): Promise<number> {
  const { notify } = await import('../notifier/main.ts');
  const endMs = systemClock.elapsed() + TIME_MS;
  try {
    const notified = await notify(event, { getRemainingTimeInMillis: () => endMs - systemClock.elapsed() });
    if (notified.kind === 'skipped') return tell(streams, `no notice: ${SKIPS[notified.reason]}`, 0);
    return tell(streams, `the notice of task ${notified.taskId} (${notified.result}) is sent`, 0);
  } catch (error) {
    const isWrongUse = error instanceof Error && error.name === 'SettingsError';
    return tell(
      streams,
      error instanceof Error ? error.message : String(error),
      isWrongUse ? EXIT_USE : EXIT_NOT_SENT,
    );
  }
}
