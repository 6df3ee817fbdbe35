import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { problems, RULE_NAMES } from './support/task-definition-rules.ts';

type Parameters = Readonly<Record<string, unknown>>;
type Definition = Parameters & { readonly containerDefinitions: readonly Parameters[] };

const FOLDER = new URL('../task-definitions/', import.meta.url);
const FILES = readdirSync(FOLDER).filter(
  (file) => file.endsWith('.json') && file !== 'task-role-policy.json',
);

function read(file: string): Definition {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
}

function container(definition: Definition, name: string): Parameters | undefined {
  return definition.containerDefinitions.find((parameters) => parameters.name === name);
}

interface Change {
  readonly task?: Parameters;
  readonly batch?: Parameters;
  readonly sidecar?: Parameters;
  /** A third container. */
  readonly added?: Parameters;
}

/** `fargate-batch.json` with some parameters replaced; undefined takes one away. */
function changed({ task = {}, batch = {}, sidecar = {}, added }: Change): Definition {
  const definition = read('fargate-batch.json');
  const containers = definition.containerDefinitions.map((parameters) => ({
    ...parameters,
    ...(parameters.name === 'fargauge' ? sidecar : batch),
  }));
  return { ...definition, containerDefinitions: added ? [...containers, added] : containers, ...task };
}

function dependsOn(containerName: string, condition: string): Parameters {
  return { dependsOn: [{ containerName, condition }] };
}

function awslogs(options: Readonly<Record<string, string>>): Parameters {
  const given = { 'awslogs-group': '/ecs/nightly-batch', 'awslogs-region': 'us-east-1' };
  return { logConfiguration: { logDriver: 'awslogs', options: { ...given, ...options } } };
}

function variable(name: string, value: string): Parameters {
  const stopTimeout = { name: 'FARGAUGE_STOP_TIMEOUT_SECONDS', value: '30' };
  return { environment: name === stopTimeout.name ? [{ name, value }] : [stopTimeout, { name, value }] };
}

const BROKEN: readonly { readonly when: string; readonly change: Change; readonly problem: string }[] = [
  {
    when: 'an image is missing',
    change: { batch: { image: undefined } },
    problem:
      'shape: containerDefinitions[0].image is absent: Invalid input: expected string, received undefined',
  },
  {
    when: 'a parameter has the wrong type',
    change: { task: { cpu: 1024 } },
    problem: 'shape: cpu is 1024: Invalid input: expected string, received number',
  },
  {
    when: 'a parameter is not one that ECS knows',
    change: { sidecar: { memoryReservationMiB: 64 } },
    problem: 'shape: containerDefinitions[1]: Unrecognized key: "memoryReservationMiB"',
  },
  {
    when: 'two containers share a name',
    change: { added: { name: 'nightly-batch', image: 'cleanup', essential: false } },
    problem:
      'unique-names: containerDefinitions[2].name is "nightly-batch", the name of containerDefinitions[0]',
  },
  {
    when: 'a container depends on one that does not exist',
    change: { batch: dependsOn('nightly', 'START') },
    problem:
      'depends-on-target: container "nightly-batch" dependsOn "nightly", which is none of nightly-batch, fargauge',
  },
  {
    when: 'a dependency has an unknown condition',
    change: {
      added: { name: 'mail', image: 'mail', essential: false, ...dependsOn('nightly-batch', 'STARTED') },
    },
    problem:
      'depends-on-condition: container "mail" dependsOn nightly-batch "STARTED": must be one of START, COMPLETE, SUCCESS, HEALTHY',
  },
  {
    when: 'a container waits for the exit of an essential one',
    change: {
      added: { name: 'mail', image: 'mail', essential: false, ...dependsOn('nightly-batch', 'COMPLETE') },
    },
    problem:
      'depends-on-condition: container "mail" dependsOn nightly-batch "COMPLETE": not possible, container "nightly-batch" is essential',
  },
  {
    when: 'a container waits for the health of one without a health check',
    change: {
      added: { name: 'mail', image: 'mail', essential: false, ...dependsOn('nightly-batch', 'HEALTHY') },
    },
    problem:
      'depends-on-condition: container "mail" dependsOn nightly-batch "HEALTHY": not possible, container "nightly-batch" has no healthCheck',
  },
  {
    when: 'batch and sidecar wait for each other',
    change: { batch: dependsOn('fargauge', 'START') },
    problem:
      'depends-on-cycle: dependsOn leads back to its start: nightly-batch -> fargauge -> nightly-batch',
  },
  {
    when: 'a container waits for itself',
    change: { batch: dependsOn('nightly-batch', 'START') },
    problem: 'depends-on-cycle: dependsOn leads back to its start: nightly-batch -> nightly-batch',
  },
  {
    when: 'a soft memory limit is below what Docker reserves anyway',
    change: { sidecar: { memoryReservation: 4 } },
    problem: 'container-memory: container "fargauge" memoryReservation is 4; at least 6 MiB',
  },
  {
    when: 'a hard memory limit is not above the soft one',
    change: { batch: { memory: 512, memoryReservation: 512 } },
    problem:
      'container-memory: container "nightly-batch" memory is 512; it must be above memoryReservation, 512',
  },
  {
    when: 'neither the task nor a container has memory',
    change: { task: { requiresCompatibilities: ['EC2'], cpu: undefined, memory: undefined } },
    problem:
      'container-memory: container "nightly-batch" has neither memory nor memoryReservation, and the task has no memory either',
  },
  {
    when: 'the containers reserve more CPU than the task has',
    change: { batch: { cpu: 1024 } },
    problem: "fits-task-size: the containers' cpu adds up to 1088; the task's cpu is 1024",
  },
  {
    when: 'the containers reserve more memory than the task has',
    change: { batch: { memory: 2048 } },
    problem: "fits-task-size: the containers' memory adds up to 2112; the task's memory is 2048",
  },
  {
    when: 'the awslogs driver has no group',
    change: {
      added: {
        name: 'mail',
        image: 'mail',
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-region': 'us-east-1', 'awslogs-stream-prefix': 'ecs' },
        },
      },
    },
    problem: 'awslogs-options: container "mail" logConfiguration.options.awslogs-group is missing',
  },
  {
    when: 'the size is none that Fargate sells',
    change: { task: { cpu: '1024', memory: '1024' } },
    problem:
      'fargate-size: cpu/memory is 1024/1024, which Fargate does not sell; nearest are 512/1024, 1024/2048, 1024/3072',
  },
  {
    when: 'a Fargate task has no size',
    change: { task: { cpu: undefined, memory: undefined }, batch: { memory: 1024 } },
    problem: 'fargate-size: cpu is absent and memory is absent; give both, as CPU units and MiB',
  },
  {
    when: 'a Fargate task is not in awsvpc mode',
    change: { task: { networkMode: 'bridge' } },
    problem: 'fargate-network-mode: networkMode is "bridge"; Fargate needs "awsvpc"',
  },
  {
    when: 'a Fargate task with awslogs has no execution role',
    change: { task: { executionRoleArn: undefined } },
    problem: 'fargate-execution-role: executionRoleArn is absent; Fargate needs it for the awslogs driver',
  },
  {
    when: 'a stopTimeout is longer than Fargate waits',
    change: { batch: { stopTimeout: 121 } },
    problem: 'fargate-stop-timeout: container "nightly-batch" stopTimeout is 121; must be 2 to 120 seconds',
  },
  {
    when: 'a log driver is none of those on Fargate',
    change: { added: { name: 'mail', image: 'mail', logConfiguration: { logDriver: 'syslog' } } },
    problem:
      'fargate-log-driver: container "mail" logDriver is "syslog"; Fargate has awslogs, splunk, awsfirelens',
  },
  {
    when: 'the awslogs driver has no stream prefix on Fargate',
    change: { batch: awslogs({}) },
    problem:
      'fargate-log-driver: container "nightly-batch" logConfiguration.options.awslogs-stream-prefix is missing; Fargate needs it',
  },
  {
    when: 'a container is privileged on Fargate',
    change: { batch: { privileged: true } },
    problem: 'fargate-isolation: container "nightly-batch" privileged is true: not available on Fargate',
  },
  {
    when: 'a container wants a capability that Fargate does not give',
    change: { batch: { linuxParameters: { capabilities: { add: ['SYS_PTRACE', 'NET_ADMIN'] } } } },
    problem:
      'fargate-isolation: container "nightly-batch" linuxParameters.capabilities.add has "NET_ADMIN": not available on Fargate',
  },
  {
    when: 'a container sets a Linux parameter that Fargate refuses',
    change: { batch: { linuxParameters: { sharedMemorySize: 64 } } },
    problem:
      'fargate-isolation: container "nightly-batch" linuxParameters.sharedMemorySize is 64: not available on Fargate',
  },
  {
    when: 'the sidecar has another name',
    change: { sidecar: { name: 'gauge' } },
    problem: 'sidecar-present: no container is named "fargauge"; there are nightly-batch, gauge',
  },
  {
    when: 'the sidecar says nothing of being essential, and so is',
    change: { sidecar: { essential: undefined } },
    problem:
      'sidecar-not-essential: container "fargauge" essential is absent; must be false, or its end would end the batch',
  },
  {
    when: 'no dependency orders sidecar and batch',
    change: { sidecar: { dependsOn: undefined } },
    problem:
      'sidecar-order: neither container "fargauge" nor container "nightly-batch" dependsOn the other; without it the stop order is undefined',
  },
  {
    when: 'the sidecar waits for more than the start of the batch',
    change: {
      batch: { healthCheck: { command: ['CMD', 'ready'] } },
      sidecar: dependsOn('nightly-batch', 'HEALTHY'),
    },
    problem: 'sidecar-order: container "fargauge" dependsOn nightly-batch "HEALTHY"; must be "START"',
  },
  {
    when: 'the sidecar has no stopTimeout',
    change: { sidecar: { stopTimeout: undefined } },
    problem: 'sidecar-stop-timeout: container "fargauge" stopTimeout is absent; must be 2 to 120 seconds',
  },
  {
    when: 'the sidecar is told another stopTimeout than it has',
    change: { sidecar: variable('FARGAUGE_STOP_TIMEOUT_SECONDS', '60') },
    problem:
      'sidecar-stop-timeout: container "fargauge" FARGAUGE_STOP_TIMEOUT_SECONDS is "60", but its stopTimeout is 30; both must say the same',
  },
  {
    when: 'the sidecar is not told its stopTimeout',
    change: { sidecar: { environment: undefined } },
    problem:
      'sidecar-stop-timeout: container "fargauge" FARGAUGE_STOP_TIMEOUT_SECONDS is absent, but its stopTimeout is 30; both must say the same',
  },
  {
    when: 'the sidecar has a hard memory limit',
    change: { sidecar: { memory: 128 } },
    problem: 'sidecar-memory: container "fargauge" memory is 128; no hard limit, it could kill the reporter',
  },
  {
    when: 'the sidecar reserves no memory',
    change: { sidecar: { memoryReservation: undefined } },
    problem: 'sidecar-memory: container "fargauge" memoryReservation is absent; must be given',
  },
  {
    when: 'the sidecar has no CPU weight beside a batch that has one',
    change: { sidecar: { cpu: undefined } },
    problem:
      'sidecar-cpu: container "fargauge" cpu is absent; must be at least 64 beside a batch that has 960',
  },
  {
    when: 'the sidecar logs into another group than the batch',
    change: {
      sidecar: awslogs({
        'awslogs-group': '/ecs/fargauge',
        'awslogs-stream-prefix': 'ecs',
        mode: 'blocking',
      }),
    },
    problem:
      'sidecar-log: container "fargauge" logConfiguration.options.awslogs-group is "/ecs/fargauge"; must be "/ecs/nightly-batch", as in container "nightly-batch"',
  },
  {
    when: 'the sidecar leaves the log mode to the default, which drops lines',
    change: { sidecar: awslogs({ 'awslogs-stream-prefix': 'ecs' }) },
    problem: 'sidecar-log: container "fargauge" logConfiguration.options.mode is absent; must be "blocking"',
  },
  {
    when: 'the sidecar has no awslogs driver',
    change: { sidecar: { logConfiguration: undefined } },
    problem: 'sidecar-log: container "fargauge" logDriver is absent; must be "awslogs"',
  },
  {
    when: 'the sidecar runs as root',
    change: { sidecar: { user: '0' } },
    problem: 'sidecar-privileges: container "fargauge" user is "0"; must be a number other than 0',
  },
  {
    when: 'the sidecar may write to its root file system',
    change: { sidecar: { readonlyRootFilesystem: undefined } },
    problem: 'sidecar-privileges: container "fargauge" readonlyRootFilesystem is absent; must be true',
  },
  {
    when: 'the sidecar keeps capabilities',
    change: { sidecar: { linuxParameters: { capabilities: { drop: ['NET_RAW'] } } } },
    problem:
      'sidecar-privileges: container "fargauge" linuxParameters.capabilities.drop is ["NET_RAW"]; must be ["ALL"]',
  },
  {
    when: 'the sidecar gains a capability',
    change: { sidecar: { linuxParameters: { capabilities: { add: ['SYS_PTRACE'], drop: ['ALL'] } } } },
    problem:
      'sidecar-privileges: container "fargauge" linuxParameters.capabilities.add is ["SYS_PTRACE"]; must be absent',
  },
  {
    when: 'a variable of the sidecar is set on the batch',
    change: { batch: { environment: [{ name: 'FARGAUGE_JOB', value: 'nightly' }] } },
    problem:
      'sidecar-variables: container "nightly-batch" sets FARGAUGE_JOB; only container "fargauge" reads it',
  },
];

describe('the task definitions', () => {
  it.each(FILES)('%s breaks no rule', (file) => {
    expect(problems(read(file)).map((problem) => `${file}: ${problem}`)).toEqual([]);
  });

  it('cover both orders on Fargate and both network modes on EC2', () => {
    const shown = FILES.map((file) => {
      const definition = read(file);
      const first = container(definition, 'fargauge')?.dependsOn ? 'batch first' : 'sidecar first';
      return `${file}: ${definition.requiresCompatibilities} ${definition.networkMode}, ${first}`;
    });
    expect(shown).toEqual([
      'ec2-awsvpc.json: EC2 awsvpc, batch first',
      'ec2-bridge.json: EC2 bridge, batch first',
      'fargate-batch-sharp.json: FARGATE awsvpc, batch first',
      'fargate-batch.json: FARGATE awsvpc, batch first',
      'fargate-spot-sidecar-first.json: FARGATE awsvpc, sidecar first',
    ]);
  });

  it("on Spot, batch and sidecar stop one after the other within the two minutes' notice", () => {
    const spot = read('fargate-spot-sidecar-first.json');
    const seconds = ['nightly-batch', 'fargauge'].map((name) => Number(container(spot, name)?.stopTimeout));
    expect(seconds.reduce((total, each) => total + each)).toBeLessThanOrEqual(120);
  });
});

describe('the rules', () => {
  it.each(BROKEN)('name the breach when $when', ({ change, problem }) => {
    expect(problems(changed(change))).toEqual([problem]);
  });

  it('name each variable that the sidecar would refuse', () => {
    const found = problems(changed({ sidecar: variable('FARGAUGE_POLL_INTERVAL', '1000') }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^sidecar-variables: container "fargauge" FARGAUGE_POLL_INTERVAL /);
  });

  it('name each value that the sidecar would refuse', () => {
    const found = problems(changed({ sidecar: variable('FARGAUGE_POLL_INTERVAL_MS', '10') }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^sidecar-variables: container "fargauge" FARGAUGE_POLL_INTERVAL_MS="10" /);
  });

  it('name both that nothing is essential and that there is no batch', () => {
    expect(problems(changed({ batch: { essential: false } }))).toEqual([
      'essential-container: essential is false in every container; one must be essential',
      'batch-present: no container besides container "fargauge" is essential',
    ]);
  });

  it('name the task definition itself when it is no object', () => {
    expect(problems([])).toEqual([
      'shape: the task definition: Invalid input: expected object, received array',
    ]);
  });

  it('are each broken by one of these cases', () => {
    const otherCases = ['essential-container', 'batch-present'];
    const broken = [...BROKEN.map(({ problem }) => problem.split(':')[0]), ...otherCases];
    expect(RULE_NAMES.filter((rule) => !broken.includes(rule))).toEqual([]);
  });
});
