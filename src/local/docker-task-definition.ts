/**
 * A task definition as `aws ecs register-task-definition --cli-input-json` takes it, or as `describe-task-definition`
 * answers it, read for a run on a local Docker Engine.
 *
 * Sources: "RegisterTaskDefinition" and the types below it in the Amazon ECS API reference; "Amazon ECS task
 * definition parameters" in its developer guide.
 */
import * as z from 'zod/mini';
import { contradictionsOf, cpuUnits, limitationsOf, memoryMiB, show } from './docker-definition-checks.ts';

/** The file is no task definition, or one that cannot be run here. One problem a line. */
export class TaskDefinitionError extends Error {
  override readonly name = 'TaskDefinitionError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface TaskDefinition {
  readonly family: string;
  readonly launchType: 'FARGATE' | 'EC2';
  readonly networkMode: 'awsvpc' | 'bridge' | 'host';
  readonly pidMode?: 'task' | 'host';
  /** On EC2 a task may have one of them, or none. 1024 CPU units = 1 vCPU. */
  readonly size?: { readonly cpuUnits?: number; readonly memoryMiB?: number };
  /** What the images must be for. */
  readonly cpuArchitecture: 'X86_64' | 'ARM64';
  readonly hasTaskRole: boolean;
  readonly volumes: readonly { readonly name: string; readonly hostPath?: string }[];
  /** In the order of the file. */
  readonly containers: readonly ContainerDefinition[];
}

export interface ParsedTaskDefinition {
  readonly definition: TaskDefinition;
  /** What was left out, in words; empty unless that was allowed. */
  readonly leftOut: readonly string[];
}

export type Condition = 'START' | 'COMPLETE' | 'SUCCESS' | 'HEALTHY';

const name = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,255}$/, 'must be 1 to 255 letters, digits, - and _'));
const text = z.string().check(z.minLength(1, 'must not be empty'));
const texts = z.array(z.string());
const natural = z.int('must be a whole number').check(z.gte(0, 'must not be below 0'));
const from = (least: number, most: number) =>
  z
    .int('must be a whole number')
    .check(z.gte(least, `must be ${least} to ${most}`), z.lte(most, `must be ${least} to ${most}`));
/** ECS knows it, and nothing here reads it. */
const unread = z.optional(z.unknown());
/** The API takes texts; templates of other tools often have numbers. */
const size = z.union([z.string(), z.number()]);

const containerDefinition = z.strictObject({
  name,
  image: text,
  essential: z._default(z.boolean(), true),
  dependsOn: z._default(
    z.array(
      z.strictObject({
        containerName: z.string(),
        condition: z.enum(['START', 'COMPLETE', 'SUCCESS', 'HEALTHY']),
      }),
    ),
    [],
  ),
  startTimeout: z.optional(natural),
  /** Seconds between SIGTERM and SIGKILL; ECS's default, and at the most 120 on Fargate. */
  stopTimeout: z._default(natural, 30),
  restartPolicy: z.optional(
    z.strictObject({
      enabled: z.boolean(),
      ignoredExitCodes: z._default(z.array(z.int()), []),
      restartAttemptPeriod: z._default(from(60, 1800), 300),
    }),
  ),
  healthCheck: z.optional(
    z.strictObject({
      command: texts.check(z.minLength(1, 'must not be empty')),
      interval: z._default(from(5, 300), 30),
      timeout: z._default(from(2, 60), 5),
      retries: z._default(from(1, 10), 3),
      startPeriod: z._default(from(0, 300), 0),
    }),
  ),
  entryPoint: z.optional(texts),
  command: z.optional(texts),
  environment: z._default(z.array(z.strictObject({ name: text, value: z._default(z.string(), '') })), []),
  user: z.optional(z.string()),
  workingDirectory: z.optional(z.string()),
  cpu: z.optional(natural),
  memory: z.optional(natural),
  memoryReservation: z.optional(natural),
  readonlyRootFilesystem: z.optional(z.boolean()),
  privileged: z.optional(z.boolean()),
  interactive: z.optional(z.boolean()),
  pseudoTerminal: z.optional(z.boolean()),
  hostname: z.optional(z.string()),
  dockerLabels: z.optional(z.record(z.string(), z.string())),
  ulimits: z._default(z.array(z.strictObject({ name: text, softLimit: z.int(), hardLimit: z.int() })), []),
  linuxParameters: z.optional(
    z.strictObject({
      capabilities: z.optional(z.strictObject({ add: z.optional(texts), drop: z.optional(texts) })),
      initProcessEnabled: z.optional(z.boolean()),
      sharedMemorySize: z.optional(natural),
      tmpfs: z._default(
        z.array(z.strictObject({ containerPath: text, size: natural, mountOptions: z._default(texts, []) })),
        [],
      ),
      devices: unread,
      maxSwap: unread,
      swappiness: unread,
    }),
  ),
  mountPoints: z._default(
    z.array(
      z.strictObject({ sourceVolume: z.string(), containerPath: text, readOnly: z.optional(z.boolean()) }),
    ),
    [],
  ),
  portMappings: z._default(
    z.array(
      z.strictObject({
        containerPort: z.optional(from(1, 65_535)),
        hostPort: z.optional(from(0, 65_535)),
        protocol: z._default(z.enum(['tcp', 'udp']), 'tcp'),
        containerPortRange: unread,
        name: unread,
        appProtocol: unread,
      }),
    ),
    [],
  ),
  logConfiguration: z.optional(
    z.strictObject({
      logDriver: text,
      options: z.optional(z.record(z.string(), z.string())),
      secretOptions: unread,
    }),
  ),
  credentialSpecs: unread,
  disableNetworking: unread,
  dnsSearchDomains: unread,
  dnsServers: unread,
  dockerSecurityOptions: unread,
  environmentFiles: unread,
  extraHosts: unread,
  firelensConfiguration: unread,
  links: unread,
  repositoryCredentials: unread,
  resourceRequirements: unread,
  secrets: unread,
  systemControls: unread,
  versionConsistency: unread,
  volumesFrom: unread,
});

export type ContainerDefinition = z.infer<typeof containerDefinition>;

const taskDefinition = z.strictObject({
  family: name,
  containerDefinitions: z.array(containerDefinition).check(z.minLength(1, 'must not be empty')),
  requiresCompatibilities: z._default(texts, []),
  networkMode: z.optional(z.enum(['awsvpc', 'bridge', 'host', 'none'])),
  cpu: z.optional(size),
  memory: z.optional(size),
  pidMode: z.optional(z.enum(['task', 'host'])),
  runtimePlatform: z.optional(
    z.strictObject({
      cpuArchitecture: z._default(z.enum(['X86_64', 'ARM64']), 'X86_64'),
      operatingSystemFamily: z._default(z.string(), 'LINUX'),
    }),
  ),
  volumes: z._default(
    z.array(
      z.strictObject({
        name: text,
        host: z.optional(z.strictObject({ sourcePath: z.optional(z.string()) })),
        configuredAtLaunch: unread,
        dockerVolumeConfiguration: unread,
        efsVolumeConfiguration: unread,
        fsxWindowsFileServerVolumeConfiguration: unread,
        s3filesVolumeConfiguration: unread,
      }),
    ),
    [],
  ),
  taskRoleArn: z.optional(z.string()),
  inferenceAccelerators: unread,
  ipcMode: unread,
  proxyConfiguration: unread,
  // For where and how ECS places and starts a task: of no meaning here.
  enableFaultInjection: unread,
  ephemeralStorage: unread,
  executionRoleArn: unread,
  placementConstraints: unread,
  tags: unread,
  trustedExecutionConfiguration: unread,
  // Only in what describe-task-definition answers.
  compatibilities: unread,
  deregisteredAt: unread,
  registeredAt: unread,
  registeredBy: unread,
  requiresAttributes: unread,
  revision: unread,
  status: unread,
  taskDefinitionArn: unread,
});

/** A file's content, of the right shape, with defaults. */
export type TaskDefinitionDocument = z.infer<typeof taskDefinition>;

/**
 * @param mayLeaveOut whether what a local engine cannot do is left out instead of refused.
 * @throws TaskDefinitionError with every problem: where it stands, what it says, and what is allowed.
 */
export function parseTaskDefinition(json: string, mayLeaveOut: boolean): ParsedTaskDefinition {
  const document = unwrapped(parseJson(json));
  if (isOfCloudFormation(document)) throw new TaskDefinitionError([CLOUDFORMATION_PROBLEM]);
  const parsed = taskDefinition.safeParse(document);
  if (!parsed.success) {
    throw new TaskDefinitionError(parsed.error.issues.map((issue) => shapeProblem(issue, document)));
  }
  const contradictions = contradictionsOf(parsed.data);
  const limitations = limitationsOf(parsed.data);
  const problems = mayLeaveOut ? contradictions : [...contradictions, ...limitations];
  if (problems.length > 0) throw new TaskDefinitionError(problems);
  return { definition: toTaskDefinition(parsed.data), leftOut: limitations };
}

/** A null is an absent parameter, as the API's own answers and the console's JSON have it. */
function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, (_key, value: unknown) => value ?? undefined);
  } catch (error) {
    throw new TaskDefinitionError([`it is not JSON: ${(error as Error).message}`]);
  }
}

/** `describe-task-definition` answers `{"taskDefinition": {…}, "tags": […]}`. */
function unwrapped(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return document;
  return Reflect.get(document, 'taskDefinition') ?? document;
}

const CLOUDFORMATION_PROBLEM =
  'it is in the form of CloudFormation: must be in that of the API, which aws ecs describe-task-definition prints';

/** A template, a resource of one, or its properties. */
function isOfCloudFormation(document: unknown): boolean {
  if (typeof document !== 'object' || document === null) return false;
  return ['Resources', 'Properties', 'ContainerDefinitions'].some((key) => Object.hasOwn(document, key));
}

function shapeProblem(issue: z.core.$ZodIssue, document: unknown): string {
  const path = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const names = issue.keys.map((key) => JSON.stringify(key)).join(', ');
    return `${path}: ${names} is no parameter that ECS knows there`;
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    document,
  );
  return `${path} is ${show(value)}: ${requirement(issue)}`;
}

function requirement(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return `must be ${issue.expected}`;
  if (issue.code === 'invalid_union') return 'must be a string or a number';
  return issue.message;
}

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '') || 'the task definition';
}

function toTaskDefinition(document: TaskDefinitionDocument): TaskDefinition {
  const { networkMode, pidMode, cpu, memory, runtimePlatform, volumes } = document;
  const launchType = document.requiresCompatibilities.includes('FARGATE') ? 'FARGATE' : 'EC2';
  const units = cpu === undefined ? undefined : cpuUnits(cpu);
  const mib = memory === undefined ? undefined : memoryMiB(memory);
  return {
    family: document.family,
    launchType,
    networkMode: networkMode === 'awsvpc' || networkMode === 'host' ? networkMode : 'bridge',
    ...(pidMode && { pidMode }),
    ...((units !== undefined || mib !== undefined) && {
      size: {
        ...(units !== undefined && { cpuUnits: units }),
        ...(mib !== undefined && { memoryMiB: mib }),
      },
    }),
    cpuArchitecture: runtimePlatform?.cpuArchitecture ?? 'X86_64',
    hasTaskRole: document.taskRoleArn !== undefined,
    volumes: volumes.map(({ name, host }) => ({
      name,
      ...(host?.sourcePath && { hostPath: host.sourcePath }),
    })),
    containers: document.containerDefinitions,
  };
}
