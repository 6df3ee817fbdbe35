import { containerId } from '../../test/docker/kernel-counters.ts';
import { LocalCommand, SIDECAR_IMAGE, script } from '../../test/docker/local-command.ts';
import { type ContainerFootprint, Subject, watch } from './docker-footprint.ts';

/** What a sidecar cost that looked at /proc, or did not. */
export interface SharpFootprint extends ContainerFootprint {
  readonly name: string;
  /** At the default interval, whose cost is promised. */
  readonly isDefault: boolean;
}

interface Variant {
  readonly name: string;
  readonly isDefault?: boolean;
  /** Of the batch. */
  readonly user: string;
  /** Of the sidecar, in part. */
  readonly environment: Readonly<Record<string, string>>;
}

const VARIANTS = [
  { name: 'endpoint alone', user: '1000:1000', environment: { FARGAUGE_PROC: 'off' } },
  { name: 'and `proc`, every second', isDefault: true, user: '1000:1000', environment: {} },
  {
    name: 'and `proc`, ten times a second',
    user: '1000:1000',
    environment: { FARGAUGE_PROC_INTERVAL_MS: '100' },
  },
  { name: 'and `cgroup`, every second', isDefault: true, user: '65532:65532', environment: {} },
  {
    name: 'and `cgroup`, ten times a second',
    user: '65532:65532',
    environment: { FARGAUGE_PROC_INTERVAL_MS: '100' },
  },
] satisfies readonly Variant[];

export const PROCESS_COUNT = 20;

/** The shell is one of them. */
const IDLE = `i=1; while [ $i -lt ${PROCESS_COUNT} ]; do sleep 100000 & i=$((i+1)); done; wait`;

/** Sidecars of tasks whose containers share a PID namespace, all at the same time. */
export async function measureSharp(minutes: number): Promise<readonly SharpFootprint[]> {
  const tasks = VARIANTS.map((variant: Variant) => ({
    name: variant.name,
    isDefault: variant.isDefault ?? false,
    command: new LocalCommand(['-'], definition(variant)),
  }));
  try {
    await Promise.all(tasks.map(({ command }) => command.line('START')));
    const subjects = tasks.map(({ command, ...variant }) => ({
      ...variant,
      subject: new Subject(containerId(command.taskId, 'fargauge')),
    }));
    await watch(
      subjects.map(({ subject }) => subject),
      minutes,
    );
    return subjects.map(({ subject, ...variant }) => ({ ...variant, ...subject.footprint() }));
  } finally {
    await Promise.all(tasks.map(({ command }) => command[Symbol.asyncDispose]()));
  }
}

function definition({ user, environment }: Variant): string {
  return JSON.stringify({
    family: 'sharp',
    networkMode: 'host',
    pidMode: 'task',
    containerDefinitions: [
      { name: 'batch', ...script(IDLE), user, memory: 64, stopTimeout: 2 },
      {
        name: 'fargauge',
        image: SIDECAR_IMAGE,
        essential: false,
        memory: 256,
        readonlyRootFilesystem: true,
        linuxParameters: { capabilities: { drop: ['ALL'] } },
        dependsOn: [{ containerName: 'batch', condition: 'START' }],
        environment: Object.entries({ FARGAUGE_OUTPUT: 'stdout', ...environment }).map(([name, value]) => ({
          name,
          value,
        })),
      },
    ],
  });
}
