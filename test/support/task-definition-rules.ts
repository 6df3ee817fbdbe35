/**
 * What keeps a task definition from being registered, from being placed on Fargate, or from carrying the sidecar as
 * this project means it. Each problem is one sentence that starts with the name of the rule it breaks.
 *
 * Sources: "RegisterTaskDefinition", "ContainerDefinition", "ContainerDependency", "LinuxParameters",
 * "KernelCapabilities" and "LogConfiguration" in the Amazon ECS API reference; "Task definition parameters for
 * Fargate" in its developer guide.
 */
import * as z from 'zod';
import { ConfigError, parseConfig } from '../../src/config.ts';
import { isFargateSize, nearestFargateSizes } from '../../src/core/fargate-sizes.ts';

export const SIDECAR_NAME = 'fargauge';

/** The least that Docker 20.10 and later reserve for a container, MiB (ContainerDefinition, memory). */
const LEAST_CONTAINER_MEMORY_MIB = 6;
const STOP_TIMEOUT_SECONDS = { least: 2, most: 120 };
const STOP_TIMEOUT_RANGE = `must be ${STOP_TIMEOUT_SECONDS.least} to ${STOP_TIMEOUT_SECONDS.most} seconds`;
/**
 * The least weight for the sidecar beside a batch that has one, of the 1024 of a vCPU. Without any it would get 2, and
 * beside a batch that keeps its vCPU busy it would start after minutes and not always stop within its stopTimeout.
 */
const LEAST_SIDECAR_CPU_UNITS = 64;
const START_CONDITIONS = ['START', 'COMPLETE', 'SUCCESS', 'HEALTHY'];
const FARGATE_LOG_DRIVERS = ['awslogs', 'splunk', 'awsfirelens'];

const text = z.string().min(1);
const units = z.int().min(0);
/** A parameter that ECS knows and no rule here reads. */
const unread = z.unknown().optional();

const logConfiguration = z.strictObject({
  logDriver: text,
  options: z.record(z.string(), z.string()).optional(),
  secretOptions: unread,
});

const linuxParameters = z.strictObject({
  capabilities: z.strictObject({ add: z.array(text).optional(), drop: z.array(text).optional() }).optional(),
  initProcessEnabled: z.boolean().optional(),
  tmpfs: unread,
  devices: unread,
  sharedMemorySize: unread,
  maxSwap: unread,
  swappiness: unread,
});

/** Strict, because `aws ecs register-task-definition` refuses a parameter that it does not know. */
const containerDefinition = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/),
  image: text,
  essential: z.boolean().optional(),
  dependsOn: z.array(z.strictObject({ containerName: text, condition: text })).optional(),
  cpu: units.optional(),
  memory: units.optional(),
  memoryReservation: units.optional(),
  stopTimeout: units.optional(),
  environment: z.array(z.strictObject({ name: text, value: z.string() })).optional(),
  user: text.optional(),
  privileged: z.boolean().optional(),
  readonlyRootFilesystem: z.boolean().optional(),
  linuxParameters: linuxParameters.optional(),
  logConfiguration: logConfiguration.optional(),
  healthCheck: unread,
  command: unread,
  credentialSpecs: unread,
  disableNetworking: unread,
  dnsSearchDomains: unread,
  dnsServers: unread,
  dockerLabels: unread,
  dockerSecurityOptions: unread,
  entryPoint: unread,
  environmentFiles: unread,
  extraHosts: unread,
  firelensConfiguration: unread,
  hostname: unread,
  interactive: unread,
  links: unread,
  mountPoints: unread,
  portMappings: unread,
  pseudoTerminal: unread,
  repositoryCredentials: unread,
  resourceRequirements: unread,
  restartPolicy: unread,
  secrets: unread,
  startTimeout: unread,
  systemControls: unread,
  ulimits: unread,
  versionConsistency: unread,
  volumesFrom: unread,
  workingDirectory: unread,
});

const taskDefinition = z.strictObject({
  family: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/),
  containerDefinitions: z.array(containerDefinition).min(1),
  requiresCompatibilities: z.array(z.enum(['EC2', 'FARGATE', 'EXTERNAL', 'MANAGED_INSTANCES'])).optional(),
  networkMode: z.enum(['bridge', 'host', 'awsvpc', 'none']).optional(),
  cpu: text.optional(),
  memory: text.optional(),
  taskRoleArn: text.optional(),
  executionRoleArn: text.optional(),
  runtimePlatform: unread,
  enableFaultInjection: unread,
  ephemeralStorage: unread,
  inferenceAccelerators: unread,
  ipcMode: unread,
  pidMode: unread,
  placementConstraints: unread,
  proxyConfiguration: unread,
  tags: unread,
  trustedExecutionConfiguration: unread,
  volumes: unread,
});

type TaskDefinition = z.infer<typeof taskDefinition>;
type ContainerDefinition = TaskDefinition['containerDefinitions'][number];

/** The problems of one task definition, each `rule: what stands where, and what is allowed`; empty when there are none. */
export function problems(definition: unknown): readonly string[] {
  const parsed = taskDefinition.safeParse(definition);
  if (!parsed.success) return parsed.error.issues.map((issue) => `shape: ${shapeProblem(issue, definition)}`);
  return [...applyRules(SERVICE_RULES, parsed.data), ...sidecarProblems(parsed.data)];
}

function shapeProblem(issue: z.core.$ZodIssue, definition: unknown): string {
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const value = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    definition,
  );
  const shown = typeof value === 'object' ? '' : ` is ${show(value)}`;
  return `${path.replace(/^\./, '') || 'the task definition'}${shown}: ${issue.message}`;
}

type Rules<Subject> = Readonly<Record<string, (subject: Subject) => readonly string[]>>;

function applyRules<Subject>(rules: Rules<Subject>, subject: Subject): readonly string[] {
  return Object.entries(rules).flatMap(([name, rule]) =>
    rule(subject).map((problem) => `${name}: ${problem}`),
  );
}

/** What RegisterTaskDefinition, or the launch on Fargate, refuses. */
const SERVICE_RULES: Rules<TaskDefinition> = {
  'unique-names': ({ containerDefinitions }) =>
    containerDefinitions.flatMap(({ name }, index) => {
      const first = containerDefinitions.findIndex((other) => other.name === name);
      if (first === index) return [];
      return [
        `containerDefinitions[${index}].name is ${show(name)}, the name of containerDefinitions[${first}]`,
      ];
    }),

  'essential-container': ({ containerDefinitions }) =>
    containerDefinitions.some(isEssential)
      ? []
      : ['essential is false in every container; one must be essential'],

  'depends-on-target': ({ containerDefinitions }) => {
    const names = containerDefinitions.map(({ name }) => name);
    return dependencies(containerDefinitions)
      .filter(({ target }) => !names.includes(target))
      .map(
        ({ from, target }) => `${of(from)} dependsOn ${show(target)}, which is none of ${names.join(', ')}`,
      );
  },

  'depends-on-condition': ({ containerDefinitions }) =>
    dependencies(containerDefinitions).flatMap(({ from, target, condition }) => {
      const targeted = containerDefinitions.find(({ name }) => name === target);
      const problem = conditionProblem(condition, targeted);
      return problem === undefined ? [] : [`${of(from)} dependsOn ${target} ${show(condition)}: ${problem}`];
    }),

  'depends-on-cycle': ({ containerDefinitions }) => {
    const cycle = firstCycle(containerDefinitions);
    return cycle === undefined ? [] : [`dependsOn leads back to its start: ${cycle.join(' -> ')}`];
  },

  'container-memory': ({ containerDefinitions, memory: taskMemory }) =>
    containerDefinitions.flatMap((container) => {
      const { memory, memoryReservation } = container;
      const found: string[] = [];
      if (taskMemory === undefined && !memory && !memoryReservation) {
        found.push(
          `${of(container)} has neither memory nor memoryReservation, and the task has no memory either`,
        );
      }
      for (const [field, sizeMiB] of Object.entries({ memory, memoryReservation })) {
        if (sizeMiB !== undefined && sizeMiB < LEAST_CONTAINER_MEMORY_MIB) {
          found.push(`${of(container)} ${field} is ${sizeMiB}; at least ${LEAST_CONTAINER_MEMORY_MIB} MiB`);
        }
      }
      if (memory !== undefined && memoryReservation !== undefined && memory <= memoryReservation) {
        found.push(
          `${of(container)} memory is ${memory}; it must be above memoryReservation, ${memoryReservation}`,
        );
      }
      return found;
    }),

  'fits-task-size': ({ containerDefinitions, cpu, memory }) => [
    ...overfullProblem('cpu', cpu, sum(containerDefinitions.map((container) => container.cpu ?? 0))),
    ...overfullProblem(
      'memory',
      memory,
      sum(containerDefinitions.map((container) => container.memoryReservation ?? container.memory ?? 0)),
    ),
  ],

  'awslogs-options': ({ containerDefinitions }) =>
    containerDefinitions
      .filter(({ logConfiguration: log }) => log?.logDriver === 'awslogs')
      .flatMap((container) =>
        ['awslogs-group', 'awslogs-region']
          .filter((option) => !awslogsOption(container, option))
          .map((option) => `${of(container)} logConfiguration.options.${option} is missing`),
      ),

  'fargate-size': onFargate(({ cpu, memory }) => {
    const size = { cpuUnits: wholeNumber(cpu), memoryMiB: wholeNumber(memory) };
    if (Number.isNaN(size.cpuUnits) || Number.isNaN(size.memoryMiB)) {
      return [`cpu is ${show(cpu)} and memory is ${show(memory)}; give both, as CPU units and MiB`];
    }
    if (isFargateSize(size)) return [];
    const nearest = nearestFargateSizes(size).map((sold) => `${sold.cpuUnits}/${sold.memoryMiB}`);
    return [`cpu/memory is ${cpu}/${memory}, which Fargate does not sell; nearest are ${nearest.join(', ')}`];
  }),

  'fargate-network-mode': onFargate(({ networkMode }) =>
    networkMode === 'awsvpc' ? [] : [`networkMode is ${show(networkMode)}; Fargate needs "awsvpc"`],
  ),

  'fargate-execution-role': onFargate(({ executionRoleArn, containerDefinitions }) => {
    const writesAwslogs = containerDefinitions.some(
      ({ logConfiguration: log }) => log?.logDriver === 'awslogs',
    );
    if (executionRoleArn !== undefined || !writesAwslogs) return [];
    return ['executionRoleArn is absent; Fargate needs it for the awslogs driver'];
  }),

  'fargate-stop-timeout': onFargate(({ containerDefinitions }) =>
    containerDefinitions
      .filter(({ stopTimeout }) => stopTimeout !== undefined && !isStopTimeout(stopTimeout))
      .map((container) => `${of(container)} stopTimeout is ${container.stopTimeout}; ${STOP_TIMEOUT_RANGE}`),
  ),

  'fargate-log-driver': onFargate(({ containerDefinitions }) =>
    containerDefinitions.flatMap((container) => {
      const driver = container.logConfiguration?.logDriver;
      if (driver === undefined) return [];
      if (!FARGATE_LOG_DRIVERS.includes(driver)) {
        return [
          `${of(container)} logDriver is ${show(driver)}; Fargate has ${FARGATE_LOG_DRIVERS.join(', ')}`,
        ];
      }
      if (driver !== 'awslogs' || awslogsOption(container, 'awslogs-stream-prefix')) return [];
      return [`${of(container)} logConfiguration.options.awslogs-stream-prefix is missing; Fargate needs it`];
    }),
  ),

  'fargate-isolation': onFargate(({ containerDefinitions }) =>
    containerDefinitions.flatMap((container) =>
      unknownToFargate(container).map((field) => `${of(container)} ${field}: not available on Fargate`),
    ),
  ),
};

interface Placement {
  readonly sidecar: ContainerDefinition;
  readonly batch: ContainerDefinition;
}

/** What this project asks of its own container. */
const SIDECAR_RULES: Rules<Placement> = {
  'sidecar-not-essential': ({ sidecar }) =>
    isEssential(sidecar)
      ? [
          `${of(sidecar)} essential is ${show(sidecar.essential)}; must be false, or its end would end the batch`,
        ]
      : [],

  'sidecar-order': ({ sidecar, batch }) => {
    const orders = [sidecar, batch].flatMap((from) =>
      (from.dependsOn ?? [])
        .filter(({ containerName }) => containerName === (from === sidecar ? batch : sidecar).name)
        .map(({ containerName, condition }) => ({ from, containerName, condition })),
    );
    if (orders.length === 0) {
      return [
        `neither ${of(sidecar)} nor ${of(batch)} dependsOn the other; without it the stop order is undefined`,
      ];
    }
    return orders
      .filter(({ condition }) => condition !== 'START')
      .map(
        ({ from, containerName, condition }) =>
          `${of(from)} dependsOn ${containerName} ${show(condition)}; must be "START"`,
      );
  },

  'sidecar-stop-timeout': ({ sidecar }) => {
    const { stopTimeout } = sidecar;
    if (stopTimeout === undefined || !isStopTimeout(stopTimeout)) {
      return [`${of(sidecar)} stopTimeout is ${show(stopTimeout)}; ${STOP_TIMEOUT_RANGE}`];
    }
    const told = sidecar.environment?.find(({ name }) => name === 'FARGAUGE_STOP_TIMEOUT_SECONDS')?.value;
    if (told === String(stopTimeout)) return [];
    return [
      `${of(sidecar)} FARGAUGE_STOP_TIMEOUT_SECONDS is ${show(told)}, but its stopTimeout is ${stopTimeout}; ` +
        'both must say the same',
    ];
  },

  'sidecar-memory': ({ sidecar }) => {
    const found: string[] = [];
    if (sidecar.memory !== undefined) {
      found.push(`${of(sidecar)} memory is ${sidecar.memory}; no hard limit, it could kill the reporter`);
    }
    if (!sidecar.memoryReservation) {
      found.push(`${of(sidecar)} memoryReservation is ${show(sidecar.memoryReservation)}; must be given`);
    }
    return found;
  },

  'sidecar-cpu': ({ sidecar, batch }) => {
    if (!batch.cpu || (sidecar.cpu ?? 0) >= LEAST_SIDECAR_CPU_UNITS) return [];
    const least = `at least ${LEAST_SIDECAR_CPU_UNITS} beside a batch that has ${batch.cpu}`;
    return [`${of(sidecar)} cpu is ${show(sidecar.cpu)}; must be ${least}`];
  },

  'sidecar-log': ({ sidecar, batch }) => {
    const driver = sidecar.logConfiguration?.logDriver;
    if (driver !== 'awslogs') return [`${of(sidecar)} logDriver is ${show(driver)}; must be "awslogs"`];
    const wanted = {
      'awslogs-group': awslogsOption(batch, 'awslogs-group'),
      'awslogs-region': awslogsOption(batch, 'awslogs-region'),
      mode: 'blocking',
    };
    return Object.entries(wanted)
      .filter(([option, value]) => awslogsOption(sidecar, option) !== value)
      .map(([option, value]) => {
        const given = show(awslogsOption(sidecar, option));
        const why = option === 'mode' ? '' : `, as in ${of(batch)}`;
        return `${of(sidecar)} logConfiguration.options.${option} is ${given}; must be ${show(value)}${why}`;
      });
  },

  'sidecar-privileges': ({ sidecar }) => {
    const { user, privileged, readonlyRootFilesystem, linuxParameters: linux } = sidecar;
    const { add = [], drop = [] } = linux?.capabilities ?? {};
    const found: string[] = [];
    if (!/^[1-9]\d*(:[1-9]\d*)?$/.test(user ?? '')) {
      found.push(`user is ${show(user)}; must be a number other than 0`);
    }
    if (privileged) found.push('privileged is true; must be absent or false');
    if (!readonlyRootFilesystem) {
      found.push(`readonlyRootFilesystem is ${show(readonlyRootFilesystem)}; must be true`);
    }
    if (!drop.includes('ALL'))
      found.push(`linuxParameters.capabilities.drop is ${show(drop)}; must be ["ALL"]`);
    if (add.length > 0) found.push(`linuxParameters.capabilities.add is ${show(add)}; must be absent`);
    return found.map((problem) => `${of(sidecar)} ${problem}`);
  },

  'sidecar-variables': ({ sidecar, batch }) => [
    ...refusedVariables(sidecar).map((problem) => `${of(sidecar)} ${problem}`),
    ...environmentOf(batch)
      .filter(([name]) => name.startsWith('FARGAUGE_'))
      .map(([name]) => `${of(batch)} sets ${name}; only ${of(sidecar)} reads it`),
  ],
};

/** Every rule that `problems` may name. */
export const RULE_NAMES: readonly string[] = [
  'shape',
  ...Object.keys(SERVICE_RULES),
  'sidecar-present',
  'batch-present',
  ...Object.keys(SIDECAR_RULES),
];

function sidecarProblems({ containerDefinitions }: TaskDefinition): readonly string[] {
  const sidecar = containerDefinitions.find(({ name }) => name === SIDECAR_NAME);
  if (sidecar === undefined) {
    const names = containerDefinitions.map(({ name }) => name).join(', ');
    return [`sidecar-present: no container is named ${show(SIDECAR_NAME)}; there are ${names}`];
  }
  const batch = containerDefinitions.find((container) => container !== sidecar && isEssential(container));
  if (batch === undefined) return [`batch-present: no container besides ${of(sidecar)} is essential`];
  return applyRules(SIDECAR_RULES, { sidecar, batch });
}

function isStopTimeout(seconds: number): boolean {
  return seconds >= STOP_TIMEOUT_SECONDS.least && seconds <= STOP_TIMEOUT_SECONDS.most;
}

/** A container is essential unless it says otherwise. */
function isEssential({ essential }: ContainerDefinition): boolean {
  return essential ?? true;
}

function onFargate(rule: Rules<TaskDefinition>[string]): Rules<TaskDefinition>[string] {
  return (definition) => (definition.requiresCompatibilities?.includes('FARGATE') ? rule(definition) : []);
}

interface Dependency {
  readonly from: ContainerDefinition;
  readonly target: string;
  readonly condition: string;
}

function dependencies(containers: readonly ContainerDefinition[]): readonly Dependency[] {
  return containers.flatMap((from) =>
    (from.dependsOn ?? []).map(({ containerName, condition }) => ({
      from,
      target: containerName,
      condition,
    })),
  );
}

function conditionProblem(condition: string, target: ContainerDefinition | undefined): string | undefined {
  if (!START_CONDITIONS.includes(condition)) return `must be one of ${START_CONDITIONS.join(', ')}`;
  if (target === undefined) return undefined;
  const waitsForExit = condition === 'COMPLETE' || condition === 'SUCCESS';
  if (waitsForExit && isEssential(target)) return `not possible, ${of(target)} is essential`;
  if (condition === 'HEALTHY' && !target.healthCheck) return `not possible, ${of(target)} has no healthCheck`;
  return undefined;
}

function firstCycle(containers: readonly ContainerDefinition[]): readonly string[] | undefined {
  const edges = dependencies(containers);
  const wayBack = (path: readonly string[]): readonly string[] | undefined => {
    for (const { from, target } of edges) {
      if (from.name !== path.at(-1)) continue;
      if (target === path[0]) return [...path, target];
      const found = path.includes(target) ? undefined : wayBack([...path, target]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return containers.map(({ name }) => wayBack([name])).find((cycle) => cycle !== undefined);
}

function overfullProblem(field: string, taskSize: string | undefined, reserved: number): readonly string[] {
  if (taskSize === undefined || !(reserved > wholeNumber(taskSize))) return [];
  return [`the containers' ${field} adds up to ${reserved}; the task's ${field} is ${taskSize}`];
}

function unknownToFargate({ privileged, linuxParameters: linux }: ContainerDefinition): readonly string[] {
  const added = linux?.capabilities?.add?.filter((capability) => capability !== 'SYS_PTRACE') ?? [];
  const refused = ['devices', 'sharedMemorySize', 'maxSwap', 'swappiness'] as const;
  return [
    ...(privileged ? ['privileged is true'] : []),
    ...added.map((capability) => `linuxParameters.capabilities.add has ${show(capability)}`),
    ...refused
      .filter((field) => linux?.[field] !== undefined)
      .map((field) => `linuxParameters.${field} is ${show(linux?.[field])}`),
  ];
}

/** What the sidecar itself would say of its variables at its start. */
function refusedVariables(sidecar: ContainerDefinition): readonly string[] {
  const setByEcs = { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/id' };
  try {
    parseConfig({ ...setByEcs, ...Object.fromEntries(environmentOf(sidecar)) });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const item = '  - ';
    return error.message
      .split('\n')
      .filter((line) => line.startsWith(item))
      .map((line) => line.slice(item.length));
  }
}

function environmentOf({ environment = [] }: ContainerDefinition): readonly (readonly [string, string])[] {
  return environment.map(({ name, value }) => [name, value]);
}

function awslogsOption({ logConfiguration: log }: ContainerDefinition, option: string): string | undefined {
  return log?.options?.[option];
}

/** NaN when there is no number or one with a unit, such as `1 vCPU`. */
function wholeNumber(size: string | undefined): number {
  return /^\d+$/.test(size ?? '') ? Number(size) : Number.NaN;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

function of({ name }: ContainerDefinition): string {
  return `container ${show(name)}`;
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
