/** What is wrong with a task definition beyond its shape, and what of it cannot be had on a local engine. */
import { isFargateSize, nearestFargateSizes } from '../core/fargate-sizes.ts';
import type { Condition, ContainerDefinition, TaskDefinitionDocument } from './docker-task-definition.ts';

type Check = (definition: TaskDefinitionDocument) => readonly string[];

/** What makes no sense, here or on ECS. */
const CHECKS: readonly Check[] = [
  ({ containerDefinitions }) =>
    containerDefinitions.flatMap(({ name }, index) => {
      const first = containerDefinitions.findIndex((other) => other.name === name);
      if (first === index) return [];
      return [
        `containerDefinitions[${index}].name is ${show(name)}: it is the name of containerDefinitions[${first}]`,
      ];
    }),

  ({ containerDefinitions }) =>
    containerDefinitions.some(({ essential }) => essential)
      ? []
      : ['containerDefinitions: essential is false in every container; one must be essential'],

  ({ containerDefinitions }) =>
    containerDefinitions.flatMap(({ dependsOn }, index) =>
      dependsOn.flatMap(({ containerName, condition }, each) => {
        const problem = conditionProblem(containerDefinitions, containerName, condition);
        const where = `containerDefinitions[${index}].dependsOn[${each}]`;
        return problem === undefined ? [] : [`${where} is ${show({ containerName, condition })}: ${problem}`];
      }),
    ),

  ({ containerDefinitions }) => {
    const cycle = firstCycle(containerDefinitions);
    return cycle ? [`containerDefinitions: dependsOn leads back to its start: ${cycle.join(' -> ')}`] : [];
  },

  ({ containerDefinitions, volumes }) =>
    containerDefinitions.flatMap(({ mountPoints }, index) =>
      mountPoints.flatMap(({ sourceVolume }, each) => {
        if (volumes.some(({ name }) => name === sourceVolume)) return [];
        const where = `containerDefinitions[${index}].mountPoints[${each}].sourceVolume`;
        return [`${where} is ${show(sourceVolume)}: volumes has none of that name`];
      }),
    ),

  ({ cpu, memory }) => [
    ...(cpu !== undefined && cpuUnits(cpu) === undefined
      ? [`cpu is ${show(cpu)}: must be CPU units or vCPUs, such as "256" or ".25 vCPU"`]
      : []),
    ...(memory !== undefined && memoryMiB(memory) === undefined
      ? [`memory is ${show(memory)}: must be MiB or GB, such as "512" or "0.5 GB"`]
      : []),
  ],

  ({ networkMode, requiresCompatibilities, cpu, memory }) => {
    if (!requiresCompatibilities.includes('FARGATE')) return [];
    return [
      ...(networkMode === 'awsvpc' ? [] : [`networkMode is ${show(networkMode)}: Fargate needs "awsvpc"`]),
      ...(cpu === undefined ? ['cpu is absent: Fargate needs it'] : []),
      ...(memory === undefined ? ['memory is absent: Fargate needs it'] : []),
      ...unsoldSize(cpu, memory),
    ];
  },
];

export function contradictionsOf(definition: TaskDefinitionDocument): readonly string[] {
  return CHECKS.flatMap((check) => check(definition));
}

function unsoldSize(
  cpu: TaskDefinitionDocument['cpu'],
  memory: TaskDefinitionDocument['memory'],
): readonly string[] {
  const size = {
    cpuUnits: (cpu === undefined ? undefined : cpuUnits(cpu)) ?? 0,
    memoryMiB: (memory === undefined ? undefined : memoryMiB(memory)) ?? 0,
  };
  // What is absent or no size has been told.
  if (size.cpuUnits === 0 || size.memoryMiB === 0 || isFargateSize(size)) return [];
  const nearest = nearestFargateSizes(size).map((pair) => `"${pair.cpuUnits}" with "${pair.memoryMiB}"`);
  return [
    `cpu is ${show(cpu)} and memory is ${show(memory)}: Fargate sells no such pair; the nearest are ${nearest.join(', ')}`,
  ];
}

function conditionProblem(
  containers: readonly ContainerDefinition[],
  containerName: string,
  condition: Condition,
): string | undefined {
  const target = containers.find(({ name }) => name === containerName);
  if (target === undefined) {
    return `there is no such container; there are ${containers.map(({ name }) => name).join(', ')}`;
  }
  const waitsForExit = condition === 'COMPLETE' || condition === 'SUCCESS';
  if (waitsForExit && target.essential) return `${containerName} is essential: the task would end with it`;
  if (condition === 'HEALTHY' && !target.healthCheck) return `${containerName} has no healthCheck`;
  return undefined;
}

function firstCycle(containers: readonly ContainerDefinition[]): readonly string[] | undefined {
  const wayBack = (path: readonly string[]): readonly string[] | undefined => {
    const last = containers.find(({ name }) => name === path.at(-1));
    for (const { containerName } of last?.dependsOn ?? []) {
      if (containerName === path[0]) return [...path, containerName];
      const found = path.includes(containerName) ? undefined : wayBack([...path, containerName]);
      if (found) return found;
    }
    return undefined;
  };
  for (const { name } of containers) {
    const cycle = wayBack([name]);
    if (cycle) return cycle;
  }
  return undefined;
}

const UNSUPPORTED_IN_TASK = ['inferenceAccelerators', 'ipcMode', 'proxyConfiguration'] as const;

const UNSUPPORTED_IN_VOLUME = [
  'configuredAtLaunch',
  'dockerVolumeConfiguration',
  'efsVolumeConfiguration',
  'fsxWindowsFileServerVolumeConfiguration',
  's3filesVolumeConfiguration',
] as const;

const UNSUPPORTED_IN_CONTAINER = [
  'credentialSpecs',
  'disableNetworking',
  'dnsSearchDomains',
  'dnsServers',
  'dockerSecurityOptions',
  'environmentFiles',
  'extraHosts',
  'firelensConfiguration',
  'links',
  'resourceRequirements',
  'secrets',
  'systemControls',
  'volumesFrom',
] as const;

const UNSUPPORTED_IN_LINUX_PARAMETERS = ['devices', 'maxSwap', 'swappiness'] as const;

/** What ECS does, and a local engine cannot or this program does not. */
export function limitationsOf(definition: TaskDefinitionDocument): readonly string[] {
  const { networkMode, runtimePlatform, volumes, containerDefinitions } = definition;
  const found = unsupported('', definition, UNSUPPORTED_IN_TASK);
  const os = runtimePlatform?.operatingSystemFamily ?? 'LINUX';
  if (networkMode === 'none') found.push(limitation('networkMode', networkMode));
  if (os !== 'LINUX') found.push(limitation('runtimePlatform.operatingSystemFamily', os));
  for (const [index, volume] of volumes.entries()) {
    found.push(...unsupported(`volumes[${index}].`, volume, UNSUPPORTED_IN_VOLUME));
  }
  for (const [index, container] of containerDefinitions.entries()) {
    const where = `containerDefinitions[${index}].`;
    const { linuxParameters = {}, logConfiguration, portMappings } = container;
    found.push(
      ...unsupported(where, container, UNSUPPORTED_IN_CONTAINER),
      ...unsupported(`${where}linuxParameters.`, linuxParameters, UNSUPPORTED_IN_LINUX_PARAMETERS),
      ...unsupported(`${where}logConfiguration.`, logConfiguration ?? {}, ['secretOptions']),
      ...portMappings.flatMap((mapping, each) =>
        unsupported(`${where}portMappings[${each}].`, mapping, ['containerPortRange']),
      ),
    );
    if (logConfiguration?.logDriver === 'awsfirelens') {
      found.push(limitation(`${where}logConfiguration.logDriver`, logConfiguration.logDriver));
    }
  }
  return found;
}

function unsupported(where: string, parameters: object, names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, value: Reflect.get(parameters, name) as unknown }))
    .filter(({ value }) => asksForSomething(value))
    .map(({ name, value }) => limitation(`${where}${name}`, value));
}

/** `describe-task-definition` shows empty lists where nothing was asked for. */
function asksForSomething(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== false;
}

function limitation(path: string, value: unknown): string {
  return `${path} is ${show(value)}: not possible here`;
}

/** `1024`, `"1024"` and `"1 vCPU"` are the same size. */
export function cpuUnits(cpu: string | number): number | undefined {
  return amount(cpu, 'vcpu', 1024);
}

/** `1024`, `"1024"` and `"1 GB"` are the same size. */
export function memoryMiB(memory: string | number): number | undefined {
  return amount(memory, 'gb', 1024);
}

function amount(size: string | number, unit: string, unitSize: number): number | undefined {
  const [, number, word] = /^\s*(\d*\.?\d+)\s*([a-z]*)\s*$/i.exec(String(size)) ?? [];
  if (number === undefined) return undefined;
  const value = word?.toLowerCase() === unit ? Number(number) * unitSize : word === '' ? Number(number) : 0;
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

/** A value for a message, cut where it is long. */
export function show(value: unknown): string {
  if (value === undefined) return 'absent';
  const json = JSON.stringify(value);
  return json.length > 80 ? `${json.slice(0, 79)}…` : json;
}
