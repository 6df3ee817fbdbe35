import { setTimeout as delay } from 'node:timers/promises';
import { Procfs } from '../../src/proc/procfs.ts';
import { containerId, cpuUsageNs, kernelCounters } from '../../test/docker/kernel-counters.ts';
import { docker, LocalCommand, SIDECAR_IMAGE, script } from '../../test/docker/local-command.ts';
import { type CloudWatchServer, startCloudWatchServer } from '../../test/support/cloudwatch-server.ts';
import { cloudWatchEnvironment, REGION } from './batch-log.ts';
import { quantile } from './figure.ts';

/** What one container cost while it was watched: medians of a sample a second. */
export interface ContainerFootprint {
  /** By the cgroup's own accounting: usage minus page cache. */
  readonly usedMB: number;
  readonly rssMB: number;
  readonly anonMB: number;
  readonly cpuMsPerMinute: number;
}

/** The sidecar of a task. */
export interface SidecarFootprint extends ContainerFootprint {
  readonly observedCount: number;
  /** SUMMARY lines that CloudWatch Logs accepted while it ran. */
  readonly summaryLineCount: number;
}

export interface DockerFootprint {
  readonly minutes: number;
  readonly sidecars: readonly SidecarFootprint[];
  readonly bareNode: ContainerFootprint;
}

/** Loading, the first connection and the first lines are over by then. */
const SETTLE_MS = 30_000;
const SAMPLE_MS = 1_000;
const MINUTE_MS = 60_000;
const LOG_GROUP_NAME = '/ecs/footprint';

const procfs = new Procfs();

/**
 * Sidecars of tasks of different sizes, each with its lines delivered to CloudWatch Logs, and a container with bare
 * Node beside them, all at the same time and for so many minutes.
 */
export async function measureDockerFootprint(
  observedCounts: readonly number[],
  minutes: number,
): Promise<DockerFootprint> {
  const cloudwatch = await startCloudWatchServer({ region: REGION });
  cloudwatch.createLogGroup(LOG_GROUP_NAME);
  const tasks = observedCounts.map((observedCount) => ({
    observedCount,
    command: new LocalCommand(['-'], definition(observedCount, cloudwatch)),
  }));
  const bareNodeId = startBareNode();
  try {
    await Promise.all(tasks.map(({ command }) => command.wrote(/^fargauge local: fargauge: started$/)));
    const sidecars = tasks.map(({ observedCount, command }) => ({
      observedCount,
      subject: new Subject(containerId(command.taskId, 'fargauge')),
    }));
    const bareNode = new Subject(bareNodeId);
    await watch([...sidecars.map(({ subject }) => subject), bareNode], minutes);
    return {
      minutes,
      sidecars: sidecars.map(({ observedCount, subject }) => ({
        observedCount,
        ...subject.footprint(),
        summaryLineCount: summaryLineCount(cloudwatch, observedCount),
      })),
      bareNode: bareNode.footprint(),
    };
  } finally {
    docker('rm', '--force', bareNodeId);
    await Promise.all(tasks.map(({ command }) => command[Symbol.asyncDispose]()));
    await cloudwatch.close();
  }
}

/** In the network of this machine, where CloudWatch Logs is on loopback. */
function definition(observedCount: number, cloudwatch: CloudWatchServer): string {
  const names = Array.from({ length: observedCount }, (_, index) => `batch-${index + 1}`);
  const environment = { ...cloudWatchEnvironment(cloudwatch), FARGAUGE_OUTPUT: 'cloudwatch' };
  return JSON.stringify({
    family: 'footprint',
    networkMode: 'host',
    containerDefinitions: [
      ...names.map((name) => ({
        name,
        ...script('while :; do sleep 1; done'),
        memory: 64,
        stopTimeout: 2,
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': LOG_GROUP_NAME,
            'awslogs-region': REGION,
            'awslogs-stream-prefix': streamPrefix(observedCount),
          },
        },
      })),
      {
        name: 'fargauge',
        image: SIDECAR_IMAGE,
        essential: false,
        memory: 256,
        readonlyRootFilesystem: true,
        dependsOn: names.map((containerName) => ({ containerName, condition: 'START' })),
        environment: Object.entries({ ...environment, FARGAUGE_BATCH: 'batch-1' }).map(([name, value]) => ({
          name,
          value,
        })),
      },
    ],
  });
}

function streamPrefix(observedCount: number): string {
  return `of-${observedCount}`;
}

function summaryLineCount({ requests }: CloudWatchServer, observedCount: number): number {
  return requests
    .filter(({ target }) => target.logStreamName?.startsWith(`${streamPrefix(observedCount)}/`))
    .flatMap(({ stored }) => stored)
    .filter(({ message }) => JSON.parse(message).type === 'SUMMARY').length;
}

/** The sidecar's own Node with nothing to do. */
function startBareNode(): string {
  const options = ['--detach', '--network', 'none', '--read-only', '--entrypoint', '/usr/local/bin/node'];
  const [id = ''] = docker('run', ...options, SIDECAR_IMAGE, '-e', 'setInterval(() => {}, 1000)');
  return id;
}

/** A container that is watched. */
export class Subject {
  readonly #id: string;
  readonly #pid: number;
  readonly #samples: { readonly usedMB: number; readonly rssMB: number; readonly anonMB: number }[] = [];
  #cpuStartNs = 0;
  #startedAtMs = 0;
  #cpuMsPerMinute = 0;

  constructor(id: string) {
    this.#id = id;
    this.#pid = Number(docker('inspect', '--format', '{{.State.Pid}}', id)[0]);
  }

  start(): void {
    this.#cpuStartNs = cpuUsageNs(this.#id);
    this.#startedAtMs = performance.now();
  }

  sample(): void {
    const memory = procfs.residentMemory(this.#pid);
    if (memory === undefined) throw new Error(`container ${this.#id} ended while it was measured`);
    const { anonBytes, fileBytes, shmemBytes } = memory;
    const { memoryUsageBytes, cacheBytes } = kernelCounters(this.#id);
    this.#samples.push({
      usedMB: megabytes(memoryUsageBytes - cacheBytes),
      rssMB: megabytes(anonBytes + fileBytes + shmemBytes),
      anonMB: megabytes(anonBytes),
    });
  }

  end(): void {
    const elapsedMs = performance.now() - this.#startedAtMs;
    const cpuTimeMs = (cpuUsageNs(this.#id) - this.#cpuStartNs) / 1e6;
    this.#cpuMsPerMinute = (cpuTimeMs * MINUTE_MS) / elapsedMs;
  }

  footprint(): ContainerFootprint {
    const median = (of: 'usedMB' | 'rssMB' | 'anonMB') =>
      quantile(
        this.#samples.map((sample) => sample[of]),
        0.5,
      );
    return {
      usedMB: median('usedMB'),
      rssMB: median('rssMB'),
      anonMB: median('anonMB'),
      cpuMsPerMinute: this.#cpuMsPerMinute,
    };
  }
}

/** Watches them all for so many minutes, after what is over soon. */
export async function watch(subjects: readonly Subject[], minutes: number): Promise<void> {
  await delay(SETTLE_MS);
  for (const subject of subjects) subject.start();
  const endsAtMs = performance.now() + minutes * MINUTE_MS;
  do {
    await delay(SAMPLE_MS);
    for (const subject of subjects) subject.sample();
  } while (performance.now() < endsAtMs);
  for (const subject of subjects) subject.end();
}

function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}
