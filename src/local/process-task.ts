import { randomBytes, randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { SystemCpu } from '../proc/proc-files.ts';
import type { GroupFigures } from '../proc/process-group.ts';
import {
  type ApiVersion,
  containerDocument,
  type JsonDocument,
  type LocalContainer,
  type LocalSample,
  type LocalTask,
  statsDocument,
  taskDocument,
} from './metadata-documents.ts';
import type { MetadataSource } from './metadata-server.ts';

/** A container of the task, as it is started. */
export interface ContainerStart {
  /** From `newContainerId`. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** The task ends with it. */
  readonly isEssential: boolean;
  /** Measures the container. */
  readonly read: () => GroupFigures;
}

export interface ProcessTaskOptions {
  readonly family: string;
  readonly size?: LocalTask['size'];
  readonly clock: Clock;
  /** The machine's CPU, for `system_cpu_usage` and `online_cpus`. */
  readonly systemCpu: () => SystemCpu | undefined;
}

interface Entry {
  container: LocalContainer;
  readonly isEssential: boolean;
  readonly read: () => GroupFigures;
  lastSample?: LocalSample;
  /** Cached, as the agent does: asking does not measure. */
  stats?: JsonDocument;
}

/** A task whose containers are process trees of this machine: its state, and its documents. */
export class ProcessTask implements MetadataSource {
  readonly #clock: Clock;
  readonly #systemCpu: ProcessTaskOptions['systemCpu'];
  readonly #entries = new Map<string, Entry>();
  #task: Omit<LocalTask, 'containers'>;

  constructor({ family, size, clock, systemCpu }: ProcessTaskOptions) {
    this.#clock = clock;
    this.#systemCpu = systemCpu;
    this.#task = {
      id: randomBytes(16).toString('hex'),
      family,
      launchType: 'FARGATE',
      ...(size && { size }),
      createdAtMs: clock.now(),
      stopRequested: false,
    };
  }

  /** An id for a container that is about to start, of the form Fargate gives: the task's id and ten digits. */
  newContainerId(): string {
    return `${this.#task.id}-${randomInt(1e9, 1e10)}`;
  }

  startContainer({ id, name, image, isEssential, read }: ContainerStart): void {
    const container = { id, name, image, startedAtMs: this.#clock.now() };
    this.#entries.set(id, { container, isEssential, read });
  }

  /** The container has ended. Its stats are gone with it, as they are on ECS. */
  stopContainer(id: string, exitCode: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.container.end !== undefined) return;
    const finishedAtMs = this.#clock.now();
    entry.container = { ...entry.container, end: { exitCode, finishedAtMs } };
    delete entry.stats;
    if (entry.isEssential) {
      this.#task = { ...this.#task, stopRequested: true, executionStoppedAtMs: finishedAtMs };
    }
  }

  /** As StopTask does: what becomes of the containers is for whoever runs them. */
  requestStop(): void {
    this.#task = { ...this.#task, stopRequested: true };
  }

  /** Measures every running container and renews its stats. */
  refresh(): void {
    const system = this.#systemCpu();
    for (const entry of this.#entries.values()) {
      if (entry.container.end !== undefined) continue;
      const readAtMs = this.#clock.now();
      const sample = { readAtMs, figures: entry.read(), ...(system && { system }) };
      entry.stats = statsDocument(entry.container, sample, entry.lastSample);
      entry.lastSample = sample;
    }
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  task(version: ApiVersion): JsonDocument {
    const containers = [...this.#entries.values()].map((entry) => entry.container);
    return taskDocument({ ...this.#task, containers }, version);
  }

  container(id: string, version: ApiVersion): JsonDocument | undefined {
    const container = this.#entries.get(id)?.container;
    return container && containerDocument({ ...this.#task, containers: [] }, container, version);
  }

  containerStats(id: string): JsonDocument | undefined {
    return this.#entries.get(id)?.stats;
  }

  stats(): ReadonlyMap<string, JsonDocument | undefined> {
    return new Map([...this.#entries].map(([id, { stats }]) => [id, stats]));
  }
}
