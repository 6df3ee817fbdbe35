/**
 * The one description of the sidecar's container, in the names of the ECS API. `fargauge inject` and the CDK construct
 * make theirs from it; the templates, the Terraform module and the task definitions to start from are compared with it.
 */

/** The sidecar's name among the task's containers. */
export const SIDECAR_NAME = 'fargauge';

export const STOP_TIMEOUT_VARIABLE = 'FARGAUGE_STOP_TIMEOUT_SECONDS';
export const BATCH_VARIABLE = 'FARGAUGE_BATCH';
export const PROC_VARIABLE = 'FARGAUGE_PROC';
export const LOG_GROUP_VARIABLE = 'FARGAUGE_LOG_GROUP';
export const CREATE_LOG_GROUP_VARIABLE = 'FARGAUGE_CREATE_LOG_GROUP';
export const OUTPUT_VARIABLE = 'FARGAUGE_OUTPUT';

/**
 * The task's `pidMode` with which the sidecar sees the other containers' processes: Fargate's Linux platform 1.4.0 and
 * later, and EC2.
 */
export const SHARP_PID_MODE = 'task';
/** What the sidecar does by itself; set, it says that the `pidMode` is there for its sake. */
export const SHARP_PROC = 'auto';

/** Seconds; what Fargate allows as a container's stopTimeout (ECS API reference, ContainerDefinition). */
export const STOP_TIMEOUT_SECONDS = { default: 30, min: 2, max: 120 } as const;

/**
 * Its weight, of the 1024 of a vCPU, beside a batch that has one: never a limit. A container without `cpu` weighs 2:
 * beside a batch of 960 that keeps its vCPU busy, it starts after minutes and does not always stop in time.
 */
export const SIDECAR_CPU_UNITS = 64;

/** MiB it reserves. It has no hard limit: under one, the kernel could kill the one that reports. */
export const SIDECAR_MEMORY_RESERVATION_MIB = 64;

/** Not root; uid and gid of the image's own user. */
const USER = '65532:65532';

/** ECS service quotas: containers per task definition. */
export const MAX_CONTAINERS = 10;

/** What the task role must allow on the log group, so that lines go to CloudWatch Logs directly. */
export const LOG_ACTIONS = ['logs:CreateLogStream', 'logs:PutLogEvents'] as const;
/** And where the sidecar is told to create the group when it is missing. */
export const CREATE_LOG_GROUP_ACTION = 'logs:CreateLogGroup';

/**
 * `batch-first`: the sidecar dependsOn the batch, and cannot keep it from running. `sidecar-first`: the batch
 * dependsOn the sidecar, which then sees its first second and its end. ECS stops containers in the reverse order.
 */
export const ORDERS = ['batch-first', 'sidecar-first'] as const;
export type Order = (typeof ORDERS)[number];

/** `Text` is string, or in a template also what stands for one: `{ "Ref": … }`. */
export interface Dependency<Text = string> {
  readonly containerName: Text;
  readonly condition: string;
}

export interface Variable<Text = string> {
  readonly name: Text;
  readonly value: Text;
}

export interface LogConfiguration<Text = string> {
  readonly logDriver: Text;
  readonly options?: Readonly<Record<string, Text>>;
  readonly secretOptions?: readonly { readonly name: Text; readonly valueFrom: Text }[];
}

export interface SidecarContainer<Text = string> {
  readonly name: string;
  readonly image: Text;
  readonly essential: false;
  readonly dependsOn?: readonly Dependency<Text>[];
  readonly cpu?: number;
  readonly memoryReservation: number;
  readonly stopTimeout: number;
  readonly environment: readonly Variable<Text>[];
  readonly user: string;
  readonly readonlyRootFilesystem: true;
  readonly linuxParameters: { readonly capabilities: { readonly drop: readonly ['ALL'] } };
  readonly logConfiguration?: LogConfiguration<Text>;
}

export interface SidecarOptions<Text = string> {
  readonly image: Text;
  readonly batch: {
    readonly name: Text;
    /** Whether the batch has a CPU weight; if not, the sidecar must not have one either. */
    readonly hasCpu: boolean;
    readonly logConfiguration?: LogConfiguration<Text>;
  };
  /** Whether the task has further containers that could be meant: then the batch is named to the sidecar. */
  readonly isBatchAmbiguous: boolean;
  readonly order: Order;
  /** Whether the task's `pidMode` is there for the sidecar's sake. */
  readonly isSharp?: boolean;
  /** 2 to 120. */
  readonly stopTimeoutSeconds: number;
}

export function sidecarContainer<Text = string>(
  options: SidecarOptions<Text>,
): SidecarContainer<Text | string> {
  const { image, batch, isBatchAmbiguous, order, isSharp = false, stopTimeoutSeconds } = options;
  const logConfiguration = batch.logConfiguration && sidecarLogConfiguration(batch.logConfiguration);
  return {
    name: SIDECAR_NAME,
    image,
    essential: false,
    ...(order === 'batch-first' && { dependsOn: [startOf(batch.name)] }),
    ...(batch.hasCpu && { cpu: SIDECAR_CPU_UNITS }),
    memoryReservation: SIDECAR_MEMORY_RESERVATION_MIB,
    stopTimeout: stopTimeoutSeconds,
    environment: [
      { name: STOP_TIMEOUT_VARIABLE, value: String(stopTimeoutSeconds) },
      ...(isBatchAmbiguous ? [{ name: BATCH_VARIABLE, value: batch.name }] : []),
      ...(isSharp ? [{ name: PROC_VARIABLE, value: SHARP_PROC }] : []),
    ],
    user: USER,
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: ['ALL'] } },
    ...(logConfiguration && { logConfiguration }),
  };
}

/** What the container that starts second has in its dependsOn. */
export function startOf<Text>(containerName: Text): Dependency<Text> {
  return { containerName, condition: 'START' };
}

/** Of the batch's awslogs options, those that say where the log is; the others say how the batch writes. */
const PLACE_OPTIONS = [
  'awslogs-group',
  'awslogs-region',
  'awslogs-stream-prefix',
  'awslogs-create-group',
  'awslogs-endpoint',
];

/**
 * The sidecar's own log goes where the batch's goes. With awslogs its mode is blocking: in the mode that ECS takes by
 * default since June 2025, a full buffer drops lines without a word. Of another driver nothing is known, nor of options
 * that a template's function makes: then the configuration is the batch's.
 */
export function sidecarLogConfiguration<Text>(log: LogConfiguration<Text>): LogConfiguration<Text | string> {
  if (log.logDriver !== 'awslogs' || log.options?.['awslogs-group'] === undefined) return log;
  const place = Object.entries(log.options ?? {}).filter(([option]) => PLACE_OPTIONS.includes(option));
  return { logDriver: 'awslogs', options: { ...Object.fromEntries(place), mode: 'blocking' } };
}
