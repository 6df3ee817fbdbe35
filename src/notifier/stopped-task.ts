import * as z from 'zod/mini';

/** A task that has stopped, out of an "ECS Task State Change" event. What the event does not tell is undefined. */
export interface StoppedTask {
  readonly taskArn: string;
  readonly taskId: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  readonly region: string;
  /** Short name. */
  readonly cluster: string | undefined;
  readonly taskDefinitionArn: string | undefined;
  readonly family: string | undefined;
  readonly revision: string | undefined;
  readonly containers: readonly StoppedContainer[];
  /** Why ECS stopped it, in one word; AWS adds new ones. */
  readonly stopCode: string | undefined;
  readonly stoppedReason: string | undefined;
  readonly startedBy: string | undefined;
  /** Wall clock, ms since the epoch. */
  readonly createdAtMs: number | undefined;
  /** Absent when no container ever ran. */
  readonly startedAtMs: number | undefined;
  /** When its containers had ended, which is before its network was taken down. */
  readonly endedAtMs: number | undefined;
}

export interface StoppedContainer {
  readonly name: string;
  /** Absent when it never ran, and sometimes when it was killed. */
  readonly exitCode: number | undefined;
  readonly reason: string | undefined;
  /** Docker's id on EC2. */
  readonly runtimeId: string | undefined;
}

/**
 * Why an event gives no notice:
 * - `other-event`: it is no "ECS Task State Change".
 * - `not-stopped`: the task still runs, or is being stopped.
 * - `malformed`: it does not say which task it is about.
 */
export type SkipReason = 'other-event' | 'not-stopped' | 'malformed';

export type ParsedEvent =
  | { readonly kind: 'task'; readonly task: StoppedTask }
  | { readonly kind: 'skip'; readonly reason: SkipReason };

/** Whatever is not as it should be counts as not there: a notice with a gap is better than none. */
const text = z.catch(z.optional(z.string().check(z.minLength(1))), undefined);
const timeMs = z.pipe(text, z.transform(parseTime));

const Container = z.object({
  name: z.string().check(z.minLength(1)),
  exitCode: z.catch(z.optional(z.int()), undefined),
  reason: text,
  runtimeId: text,
});

const Detail = z.object({
  taskArn: text,
  lastStatus: text,
  clusterArn: text,
  taskDefinitionArn: text,
  group: text,
  containers: z.pipe(z.catch(z.array(z.unknown()), []), z.transform(parseContainers)),
  stopCode: text,
  stoppedReason: text,
  startedBy: text,
  createdAt: timeMs,
  startedAt: timeMs,
  executionStoppedAt: timeMs,
  stoppingAt: timeMs,
  stoppedAt: timeMs,
});

const Envelope = z.object({
  source: z.literal('aws.ecs'),
  'detail-type': z.literal('ECS Task State Change'),
  detail: z.optional(z.unknown()),
});

/** With the cluster since 2018, without it in accounts that kept the short form. */
const TASK_ARN =
  /^arn:(?<partition>aws[a-z-]*):ecs:(?<region>[a-z0-9-]{1,32}):\d{12}:task\/(?:[A-Za-z0-9_-]{1,255}\/)?(?<taskId>[A-Za-z0-9_-]{1,255})$/;
const TASK_DEFINITION_ARN =
  /^arn:aws[a-z-]*:ecs:[a-z0-9-]{1,32}:\d{12}:task-definition\/(?<family>[A-Za-z0-9_-]{1,255}):(?<revision>\d{1,10})$/;

/**
 * Reads an event of EventBridge. Its `detail` is ECS's Task object with times as text.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
 * @param event anything
 */
export function parseEvent(event: unknown): ParsedEvent {
  const envelope = Envelope.safeParse(event);
  if (!envelope.success) return skip('other-event');
  const detail = Detail.safeParse(envelope.data.detail).data;
  if (detail?.lastStatus === undefined) return skip('malformed');
  if (detail.lastStatus !== 'STOPPED') return skip('not-stopped');
  const { taskArn = '' } = detail;
  const { partition, region, taskId } = TASK_ARN.exec(taskArn)?.groups ?? {};
  if (partition === undefined || region === undefined || taskId === undefined) return skip('malformed');
  const { family, revision } = TASK_DEFINITION_ARN.exec(detail.taskDefinitionArn ?? '')?.groups ?? {};
  return {
    kind: 'task',
    task: {
      taskArn,
      taskId,
      partition,
      region,
      cluster: /:cluster\/([A-Za-z0-9_-]{1,255})$/.exec(detail.clusterArn ?? '')?.[1],
      taskDefinitionArn: family === undefined ? undefined : detail.taskDefinitionArn,
      family: family ?? /^family:(.+)$/.exec(detail.group ?? '')?.[1],
      revision,
      containers: detail.containers,
      stopCode: detail.stopCode,
      stoppedReason: detail.stoppedReason,
      startedBy: detail.startedBy,
      createdAtMs: detail.createdAt,
      startedAtMs: detail.startedAt,
      endedAtMs: detail.executionStoppedAt ?? detail.stoppingAt ?? detail.stoppedAt,
    },
  };
}

function parseContainers(items: unknown[]): readonly StoppedContainer[] {
  return items.flatMap((item) => {
    const { success, data } = Container.safeParse(item);
    return success ? [{ exitCode: undefined, reason: undefined, runtimeId: undefined, ...data }] : [];
  });
}

function parseTime(value: string | undefined): number | undefined {
  const ms = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

function skip(reason: SkipReason): ParsedEvent {
  return { kind: 'skip', reason };
}
