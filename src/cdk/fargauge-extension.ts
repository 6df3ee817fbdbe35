import { Annotations, ArnFormat, Duration, Stack, Token } from 'aws-cdk-lib';
import {
  Capability,
  CfnTaskDefinition,
  ContainerDefinition,
  ContainerDependencyCondition,
  type ContainerImage,
  FirelensLogRouter,
  type ITaskDefinitionExtension,
  LinuxParameters,
  LogDriver,
  type LogDriverConfig,
  type TaskDefinition,
} from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { firstCycle } from '../deploy/cycle.ts';
import {
  BATCH_VARIABLE,
  CREATE_LOG_GROUP_ACTION,
  CREATE_LOG_GROUP_VARIABLE,
  LOG_ACTIONS,
  LOG_GROUP_VARIABLE,
  type LogConfiguration,
  MAX_CONTAINERS,
  ORDERS,
  OUTPUT_VARIABLE,
  PROC_VARIABLE,
  SHARP_PID_MODE,
  SIDECAR_NAME,
  STOP_TIMEOUT_SECONDS,
  STOP_TIMEOUT_VARIABLE,
  sidecarContainer,
} from '../deploy/sidecar-container.ts';

export interface FargaugeExtensionProps {
  /** The sidecar's image, such as `ContainerImage.fromEcrRepository(repository, '0.1.0')`. */
  readonly image: ContainerImage;
  /**
   * The container that the report is about, by the name that it has in the task definition.
   * @default the task definition's default container: the first essential one
   */
  readonly batch?: string;
  /**
   * `batch-first`: nothing about the sidecar can keep the batch from running. `sidecar-first`: it sees the first
   * second and the end of a stopped run, but a sidecar that cannot start keeps the batch from starting.
   * @default 'batch-first'
   */
  readonly order?: 'batch-first' | 'sidecar-first';
  /**
   * The sidecar's own, 2 to 120 seconds.
   * @default 30 seconds
   */
  readonly stopTimeout?: Duration;
  /**
   * Whether the task's containers share a PID namespace (`pidMode: task`), so that the sidecar samples their processes
   * every second beside the endpoint, which Fargate refreshes every ten.
   * @default false
   */
  readonly sharp?: boolean;
  /**
   * Further variables of the sidecar, such as `FARGAUGE_JOB`.
   * @default none
   */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Adds the fargauge sidecar to a task definition, and to its task role what the sidecar needs to write into the
 * log group of its lines: `taskDefinition.addExtension(new FargaugeExtension({ image }))`, after its containers.
 */
export class FargaugeExtension implements ITaskDefinitionExtension {
  readonly #props: FargaugeExtensionProps;

  /** @throws Error for a stop timeout out of range, an unknown order, and for variables that it sets itself */
  constructor(props: FargaugeExtensionProps) {
    const seconds = props.stopTimeout?.toSeconds() ?? STOP_TIMEOUT_SECONDS.default;
    const { min, max } = STOP_TIMEOUT_SECONDS;
    if (Token.isUnresolved(seconds)) {
      throw new Error(
        'FargaugeExtension: stopTimeout is a token; it must be known when the template is made',
      );
    }
    if (seconds < min || seconds > max) {
      throw new Error(`FargaugeExtension: stopTimeout is ${seconds} s; it must be ${min} to ${max} s`);
    }
    // A program in JavaScript may say anything.
    const { order = 'batch-first' } = props;
    if (!ORDERS.includes(order)) {
      throw new Error(`FargaugeExtension: order is ${order}; it must be ${ORDERS.join(' or ')}`);
    }
    const sources = {
      [STOP_TIMEOUT_VARIABLE]: 'stopTimeout',
      [BATCH_VARIABLE]: 'batch',
      ...(props.sharp && { [PROC_VARIABLE]: 'sharp' }),
    };
    for (const [name, source] of Object.entries(sources)) {
      if (props.environment?.[name] === undefined) continue;
      throw new Error(`FargaugeExtension: environment sets ${name}, which comes from ${source}`);
    }
    this.#props = props;
  }

  /** @throws Error when the batch has not been added to the task definition yet, and for a Windows task */
  extend(taskDefinition: TaskDefinition): void {
    refuseWindows(taskDefinition);
    refuseMoreContainers(taskDefinition);
    const { image, order = 'batch-first', stopTimeout, sharp = false, environment } = this.#props;
    const isPidModeOurs = sharp && sharePidNamespace(taskDefinition);
    const batch = this.#batchOf(taskDefinition);
    const log = batch.logDriverConfig;
    const described = sidecarContainer({
      // The image of a CDK container is bound when the container is made.
      image: '',
      batch: {
        name: batch.containerName,
        hasCpu: (batch.cpu ?? 0) !== 0,
        ...(log && { logConfiguration: logConfigurationOf(log) }),
      },
      // CDK adds the log router of FireLens by itself, last.
      isBatchAmbiguous: containersOf(taskDefinition).length > 1 || log?.logDriver === 'awsfirelens',
      order,
      isSharp: isPidModeOurs,
      stopTimeoutSeconds: stopTimeout?.toSeconds() ?? STOP_TIMEOUT_SECONDS.default,
    });
    const linuxParameters = new LinuxParameters(taskDefinition, `${SIDECAR_NAME}-linux`);
    linuxParameters.dropCapabilities(
      ...described.linuxParameters.capabilities.drop.map((name) => Capability[name]),
    );
    const variables = described.environment.map(({ name, value }) => [name, value] as const);
    const sidecar = taskDefinition.addContainer(SIDECAR_NAME, {
      image,
      essential: described.essential,
      ...(described.cpu !== undefined && { cpu: described.cpu }),
      memoryReservationMiB: described.memoryReservation,
      stopTimeout: Duration.seconds(described.stopTimeout),
      environment: { ...Object.fromEntries(variables), ...environment },
      user: described.user,
      readonlyRootFilesystem: described.readonlyRootFilesystem,
      linuxParameters,
      ...(described.logConfiguration && { logging: new GivenLogDriver(described.logConfiguration) }),
    });
    const [first, second] = order === 'batch-first' ? [batch, sidecar] : [sidecar, batch];
    second.addContainerDependencies({ container: first, condition: ContainerDependencyCondition.START });
    grantLog(taskDefinition, log, environment);
    validateAtSynthesis(taskDefinition);
  }

  #batchOf(taskDefinition: TaskDefinition): ContainerDefinition {
    const { batch } = this.#props;
    const containers = containersOf(taskDefinition);
    const found = batch
      ? containers.find(({ containerName }) => containerName === batch)
      : defaultBatch(taskDefinition);
    if (found) return found;
    const names = namesOf(containers).join(', ') || 'none';
    throw new Error(
      `FargaugeExtension: ${taskDefinition.node.path} has no ${batch ? `container ${batch}` : 'essential container'}; ` +
        `there are ${names}. Add the extension after the containers`,
    );
  }
}

function refuseWindows({ node, runtimePlatform }: TaskDefinition): void {
  if (!runtimePlatform?.operatingSystemFamily?.isWindows()) return;
  throw new Error(`FargaugeExtension: ${node.path} is a Windows task; the sidecar's image is for Linux only`);
}

/** @returns whether the task had no `pidMode` of its own */
function sharePidNamespace({ node, pidMode }: TaskDefinition): boolean {
  if (pidMode !== undefined && pidMode !== SHARP_PID_MODE) {
    throw new Error(
      `FargaugeExtension: ${node.path} has pidMode ${pidMode}; with sharp it must be ${SHARP_PID_MODE} or none`,
    );
  }
  // CDK takes it only when the task definition is made.
  if (node.defaultChild instanceof CfnTaskDefinition) node.defaultChild.pidMode = SHARP_PID_MODE;
  return pidMode === undefined;
}

/** By its name, so that the message is ours: CDK's would be about a construct. */
function refuseMoreContainers(taskDefinition: TaskDefinition): void {
  const names = namesOf(containersOf(taskDefinition));
  const { path } = taskDefinition.node;
  if (names.includes(SIDECAR_NAME)) {
    throw new Error(`FargaugeExtension: ${path} has a container called ${SIDECAR_NAME} already`);
  }
  if (names.length >= MAX_CONTAINERS) {
    throw new Error(
      `FargaugeExtension: ${path} has ${names.length} containers; ECS allows ${MAX_CONTAINERS}, the sidecar included`,
    );
  }
}

/** CDK's default container is the first essential one, which may be the log router of FireLens. */
function defaultBatch(taskDefinition: TaskDefinition): ContainerDefinition | undefined {
  const { defaultContainer } = taskDefinition;
  if (!(defaultContainer instanceof FirelensLogRouter)) return defaultContainer;
  const programs = containersOf(taskDefinition).filter((each) => !(each instanceof FirelensLogRouter));
  return programs.find(({ essential }) => essential) ?? defaultContainer;
}

function namesOf(containers: readonly ContainerDefinition[]): readonly string[] {
  return containers.map(({ containerName }) => containerName);
}

function containersOf(taskDefinition: TaskDefinition): readonly ContainerDefinition[] {
  return taskDefinition.node.children.filter((child) => child instanceof ContainerDefinition);
}

/** A log configuration that is already made. */
class GivenLogDriver extends LogDriver {
  readonly #given: LogConfiguration;

  constructor(given: LogConfiguration) {
    super();
    this.#given = given;
  }

  override bind(): LogDriverConfig {
    const { logDriver, options, secretOptions } = this.#given;
    return {
      logDriver,
      ...(options && { options }),
      ...(secretOptions && { secretOptions: [...secretOptions] }),
    };
  }
}

function logConfigurationOf({ logDriver, options, secretOptions }: LogDriverConfig): LogConfiguration {
  return { logDriver, ...(options && { options }), ...(secretOptions && { secretOptions }) };
}

/**
 * The log group that the sidecar writes into, and nothing where it is told to write to stdout.
 * These actions take a log group's ARN with a trailing `:*` (CloudWatch Logs user guide, "Overview of managing access permissions").
 */
function grantLog(
  taskDefinition: TaskDefinition,
  log: LogDriverConfig | undefined,
  environment: Readonly<Record<string, string>> = {},
): void {
  if (environment[OUTPUT_VARIABLE] === 'stdout') return;
  const place = logGroupOf(log, environment);
  if (place === undefined) {
    Annotations.of(taskDefinition).addWarningV2(
      'fargauge:no-log-group',
      `The batch's log driver is not awslogs, and ${LOG_GROUP_VARIABLE} is not set in the sidecar's environment: the ` +
        "lines of fargauge go to the sidecar's own log.",
    );
    return;
  }
  const logGroupArn = Stack.of(taskDefinition).formatArn({
    service: 'logs',
    resource: 'log-group',
    resourceName: `${place.group}:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    ...(place.region && { region: place.region }),
  });
  const actions = [
    ...LOG_ACTIONS,
    ...(environment[CREATE_LOG_GROUP_VARIABLE] === 'true' ? [CREATE_LOG_GROUP_ACTION] : []),
  ];
  taskDefinition.addToTaskRolePolicy(new PolicyStatement({ actions, resources: [logGroupArn] }));
}

/** As the sidecar finds it (sinks/route.ts). An empty variable counts as unset. */
function logGroupOf(
  log: LogDriverConfig | undefined,
  environment: Readonly<Record<string, string>>,
): { readonly group: string; readonly region: string | undefined } | undefined {
  const told = environment[LOG_GROUP_VARIABLE];
  if (told) return { group: told, region: environment.AWS_REGION || environment.AWS_DEFAULT_REGION };
  const group = log?.logDriver === 'awslogs' ? log.options?.['awslogs-group'] : undefined;
  return group === undefined ? undefined : { group, region: log?.options?.['awslogs-region'] };
}

/** Containers and dependencies that are added after the sidecar are only seen when all is put together. */
function validateAtSynthesis(taskDefinition: TaskDefinition): void {
  const known = containersOf(taskDefinition);
  taskDefinition.node.addValidation({
    validate: () => {
      const containers = containersOf(taskDefinition);
      return [
        ...laterContainerProblems(containers.filter((container) => !known.includes(container))),
        ...cycleProblems(containers),
      ];
    },
  });
}

/** A container that comes later could be taken for the batch, which is named only where there were several. */
function laterContainerProblems(later: readonly ContainerDefinition[]): string[] {
  return namesOf(later.filter((container) => !(container instanceof FirelensLogRouter))).map(
    (name) => `container ${name} was added after FargaugeExtension: add the extension after the containers`,
  );
}

function cycleProblems(containers: readonly ContainerDefinition[]): string[] {
  const cycle = firstCycle(
    new Map(
      containers.map(({ containerName, containerDependencies }) => [
        containerName,
        namesOf(containerDependencies.map(({ container }) => container)),
      ]),
    ),
  );
  return cycle ? [`the dependencies of the containers lead back to their start: ${cycle.join(' -> ')}`] : [];
}
