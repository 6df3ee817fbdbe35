import type { Clock } from '../clock.ts';
import type { ContainerDocument, Engine } from './docker-engine.ts';
import type { EngineStats } from './docker-stats.ts';
import { DockerTask } from './docker-task.ts';
import { followStats } from './docker-watch.ts';

export interface DockerObserverOptions {
  readonly engine: Engine;
  /** `NAME` or `NAME=VALUE`: only containers with all of these labels; empty for every container. */
  readonly labels: readonly string[];
  /** How often stats are renewed: 1000 on EC2, 10000 on Fargate. */
  readonly refreshMs: number;
  readonly clock: Clock;
  /** A container is seen that runs: for the first time, or again after its end. */
  readonly onContainer: (name: string) => void;
  /** The engine fails at something, which is tried again. */
  readonly onError: (error: Error) => void;
}

const LIST_MS = 1_000;
const BYTES_PER_MIB = 1024 * 1024;

/**
 * Containers that somebody else runs, as one task: those that run now and those that come. Each is known at the
 * endpoint by its name.
 */
export class DockerObserver {
  readonly task: DockerTask;
  readonly #options: DockerObserverOptions;
  /** Ids of the containers that run, as far as they are known. */
  readonly #followed = new Set<string>();

  constructor(options: DockerObserverOptions) {
    this.#options = options;
    this.task = new DockerTask({
      family: 'local',
      launchType: 'EC2',
      networkMode: 'bridge',
      refreshMs: options.refreshMs,
      nowMs: options.clock.now(),
    });
  }

  /** Looks for containers until `end` aborts. */
  async observe(end: AbortSignal): Promise<void> {
    let trouble: string | undefined;
    while (!end.aborted) {
      try {
        await this.look(end);
        trouble = undefined;
      } catch (error) {
        // Told once, not every second.
        if ((error as Error).message !== trouble) this.#options.onError(error as Error);
        trouble = (error as Error).message;
      }
      await this.#options.clock.sleep(LIST_MS, end);
    }
  }

  /** Takes up the containers that have come since the last look. */
  async look(end: AbortSignal): Promise<void> {
    const { engine, labels, onError } = this.#options;
    for (const { id, isRunning } of await engine.list('containers', labels)) {
      if (!isRunning || this.#followed.has(id)) continue;
      const document = await engine.container(id);
      if (!document?.State.Running) continue;
      this.#followed.add(id);
      this.#follow(document, end)
        .catch((error) => end.aborted || onError(error))
        // Whoever starts it again has it taken up anew.
        .finally(() => this.#followed.delete(id));
    }
  }

  async #follow(document: ContainerDocument, end: AbortSignal): Promise<void> {
    const { engine, clock, onContainer, onError } = this.#options;
    const name = document.Name.replace(/^\//, '');
    this.#add(name, document);
    onContainer(name);
    const stopped = new AbortController();
    const either = AbortSignal.any([end, stopped.signal]);
    const take = (stats: EngineStats) => this.task.takeStats(name, stats);
    followStats(engine, document.Id, take, clock, either).catch(onError);
    await engine.waitForExit(document.Id, end);
    stopped.abort();
    const last = await engine.container(document.Id);
    if (last) this.task.stopped(name, last.State);
    else this.task.gone(name);
  }

  #add(name: string, document: ContainerDocument): void {
    const { Config, HostConfig } = document;
    const { CpuShares, Memory, LogConfig } = HostConfig;
    this.task.add(
      {
        name,
        image: Config.Image,
        ...(Config.Labels && { labels: Config.Labels }),
        limits: {
          ...(CpuShares && { cpuUnits: CpuShares }),
          ...(Memory && { memoryMiB: Math.floor(Memory / BYTES_PER_MIB) }),
        },
        ...(LogConfig && {
          log: { driver: LogConfig.Type, ...(LogConfig.Config && { options: LogConfig.Config }) },
        }),
      },
      name,
    );
    this.task.created(name, document);
    this.task.started(name, document);
  }
}
