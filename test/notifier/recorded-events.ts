/** The events of test/fixtures/ecs-events, each with the lines that its run left, and what the notifier makes of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Message, messageOf } from '../../src/notifier/message.ts';
import { endingOf, type RunEnding } from '../../src/notifier/run-ending.ts';
import { findRunLines } from '../../src/notifier/run-lines.ts';
import { parseEvent, type SkipReason, type StoppedTask } from '../../src/notifier/stopped-task.ts';
import { goldenPath } from '../support/fixtures.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/ecs-events');

export const EVENTS: readonly string[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json') && !file.endsWith('.golden.json'))
  .map((file) => file.replace('.json', ''))
  .toSorted();

export function eventPath(name: string): string {
  return join(FOLDER, `${name}.json`);
}

export function readEvent(name: string): { detail: Record<string, unknown> } & Record<string, unknown> {
  return JSON.parse(readFileSync(eventPath(name), 'utf8'));
}

export function expectedNoticePath(name: string): string {
  return join(FOLDER, `${name}.golden.json`);
}

/** Runs of which lines are recorded, by event: those of this shape of the endpoint, as if they were of that task. */
const SHAPES: Readonly<Record<string, string>> = {
  'fargate-out-of-memory': 'ec2-bridge-cgroup-v2',
  'fargate-scheduled-success': 'fargate-cgroup-v1',
  'fargate-stopped-by-user': 'v3-external',
};

/** The lines of a recorded run with the task of another one. */
export function linesOfTask({ taskId, family }: StoppedTask, shape: string): readonly string[] {
  return readFileSync(goldenPath(shape), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.stringify({ ...JSON.parse(line), taskId, job: family }));
}

export type Expected =
  | { readonly skip: SkipReason }
  | { readonly result: RunEnding['result']; readonly message: Message };

export function noticeOf(name: string): Expected {
  const parsed = parseEvent(readEvent(name));
  if (parsed.kind === 'skip') return { skip: parsed.reason };
  const { task } = parsed;
  const shape = SHAPES[name];
  const lines = shape === undefined ? undefined : findRunLines(linesOfTask(task, shape), task.taskId);
  const ending = endingOf(task, lines?.report, undefined);
  const log = {
    region: task.region,
    logGroupName: `/ecs/${task.family}`,
    logStreamName: `ecs/${task.family}/${task.taskId}`,
  };
  const message = messageOf({
    task,
    ending,
    lines,
    noLinesReason:
      task.startedAtMs === undefined ? 'the task never ran' : 'the REPORT did not come within 20 s',
    log,
    mention: '<!here>',
  });
  return { result: ending.result, message };
}

/** As it stands in the golden file. */
export function noticeAsText(name: string): string {
  return `${JSON.stringify(noticeOf(name), undefined, 2)}\n`;
}
