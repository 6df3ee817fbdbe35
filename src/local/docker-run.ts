import type { Clock } from '../clock.ts';
import { type ContainerNetwork, containerBody, exposed, publishedPorts } from './docker-container.ts';
import { mayStop, readiness } from './docker-dependencies.ts';
import { type ContainerDocument, type Engine, EngineError, type Labels } from './docker-engine.ts';
import { nameOnEngine, ownLabels, removeTask } from './docker-leftovers.ts';
import { createTaskNetwork, type NetworkEndpoint, serveOnNetwork } from './docker-network.ts';
import { type OutputText, outputLines } from './docker-output.ts';
import { PAUSE_CHANGES, pauseArchive } from './docker-pause.ts';
import { addressesOf, DockerTask } from './docker-task.ts';
import type { ContainerDefinition, TaskDefinition } from './docker-task-definition.ts';
import { followState, followStats } from './docker-watch.ts';
import { agentLabels } from './metadata-documents.ts';

export interface DockerRunOptions {
  readonly engine: Engine;
  readonly definition: TaskDefinition;
  /** The image of a container, which the engine has. */
  readonly imageOf: (container: ContainerDefinition) => string;
  /** What the user adds to a container's environment. */
  readonly environmentOf: (name: string) => readonly (readonly [name: string, value: string])[];
  /** How often stats are renewed: 1000 on EC2, 10000 on Fargate. */
  readonly refreshMs: number;
  readonly clock: Clock;
  /** A line that a container wrote; the container waits while this does. */
  readonly onOutput: (name: string, line: OutputText) => void | Promise<void>;
  /** Says something to the user. */
  readonly tell: (message: string) => void;
}

/** What the agent gives a container that never started because another one kept it from starting. */
const NEVER_STARTED_EXIT_CODE = 143;

/**
 * A task definition as a task on a Docker Engine, from its first container to its last, with the metadata endpoint
 * beside it: started in the order of `dependsOn`, and stopped in its reverse, as the ECS agent does.
 */
export class DockerRun {
  readonly #options: DockerRunOptions;
  readonly #task: DockerTask;
  readonly #labels: Labels;
  readonly #changes = new Changes();
  readonly #failure = Promise.withResolvers<never>();
  /** By name, of those that are created. */
  readonly #ids = new Map<string, string>();
  readonly #outputs: Promise<void>[] = [];
  /** By name, of those that were started: aborted when the container has stopped. */
  readonly #ends = new Map<string, AbortController>();
  #endpoint: NetworkEndpoint | undefined;
  #network: ContainerNetwork | undefined;
  /** The one address that all have under `awsvpc`. */
  #taskAddress: string | undefined;
  #isExecutionOver = false;
  #exitCode: number | undefined;

  constructor(options: DockerRunOptions) {
    const { definition, refreshMs, clock } = options;
    this.#options = options;
    this.#task = new DockerTask({
      family: definition.family,
      launchType: definition.launchType,
      ...(definition.size && { size: definition.size }),
      networkMode: definition.networkMode,
      sharesProcesses: definition.pidMode === 'task',
      refreshMs,
      nowMs: clock.now(),
    });
    this.#labels = ownLabels(this.#task.id);
    for (const container of definition.containers) this.#add(container);
    // Seen where the end is waited for; without this a failure before that would end the program.
    this.#failure.promise.catch(() => {});
  }

  get taskId(): string {
    return this.#task.id;
  }

  /**
   * Makes what the containers need: a network, the endpoint in it, volumes.
   * @throws EngineError
   */
  async open(): Promise<NetworkEndpoint> {
    const { engine, definition } = this.#options;
    const network = await createTaskNetwork(engine, this.#nameOnEngine('network'), this.#labels);
    this.#endpoint = await serveOnNetwork(this.#task, network);
    for (const { name, hostPath } of definition.volumes) {
      if (hostPath === undefined) await engine.createVolume(this.#nameOnEngine(name), this.#labels);
    }
    const { extraHosts } = this.#endpoint;
    this.#network = { mode: definition.networkMode, id: network.id, extraHosts };
    if (definition.networkMode === 'awsvpc' || definition.pidMode === 'task') {
      this.#network = { ...this.#network, pauseId: await this.#startPause(this.#network) };
    }
    return this.#endpoint;
  }

  /**
   * Runs the task until all its containers have stopped.
   * @returns the exit code of the first essential container that stopped; undefined when it has none, because the
   * engine could not start it.
   */
  async toEnd(): Promise<number | undefined> {
    const lives = this.#options.definition.containers.map((container) => this.#live(container));
    await Promise.race([Promise.all(lives), this.#failure.promise]);
    await Promise.all(this.#outputs);
    return this.#exitCode;
  }

  /**
   * As StopTask does: every container is wanted stopped, and is stopped when none is left that depends on it.
   * @returns whether that was news: false when the task was ending already.
   */
  requestStop(): boolean {
    if (this.#task.stopRequested) return false;
    this.#task.requestStop();
    this.#stopAll();
    return true;
  }

  /** SIGKILL to whatever runs. */
  async kill(): Promise<void> {
    const running = [...this.#ids].filter(([name]) => this.#task.progress(name).status === 'running');
    await Promise.all(running.map(([, id]) => this.#options.engine.killContainer(id)));
  }

  /** Removes everything that was made, whatever state it is in. */
  async close(): Promise<void> {
    for (const end of this.#ends.values()) end.abort();
    await this.#endpoint?.close();
    await removeTask(this.#options.engine, this.#task.id);
  }

  #add(container: ContainerDefinition): void {
    const { name, dockerLabels, cpu, memory, logConfiguration, restartPolicy } = container;
    this.#task.add({
      name,
      image: container.image,
      ...(dockerLabels && { labels: dockerLabels }),
      limits: { ...(cpu && { cpuUnits: cpu }), ...(memory !== undefined && { memoryMiB: memory }) },
      ...(logConfiguration && { log: this.#logOf(name, logConfiguration) }),
      ...(restartPolicy?.enabled && { restartCount: 0 }),
    });
  }

  /** ECS makes a stream's name of its prefix, and says the name alone. */
  #logOf(name: string, { logDriver, options }: NonNullable<ContainerDefinition['logConfiguration']>) {
    if (options === undefined) return { driver: logDriver };
    const { 'awslogs-stream-prefix': prefix, ...rest } = options;
    const stream = prefix && { 'awslogs-stream': `${prefix}/${name}/${this.#task.id}` };
    return { driver: logDriver, options: { ...rest, ...stream } };
  }

  /** Starts the container that has what the others share. */
  async #startPause({ mode, id: networkId, extraHosts }: ContainerNetwork): Promise<string> {
    const { engine, definition } = this.#options;
    const isShared = mode === 'awsvpc';
    const archive = pauseArchive(engine.facts.architecture);
    if (archive === undefined) {
      throw new EngineError(
        501,
        `there is no pause container for ${engine.facts.architecture}, which awsvpc and pidMode task need`,
      );
    }
    const labels = Object.entries(this.#labels).map(([name, value]) => `LABEL ${name}="${value}"`);
    const name = this.#nameOnEngine('pause');
    const image = await engine.importImage(name, archive, [...PAUSE_CHANGES, ...labels]);
    const ports = isShared ? publishedPorts({ portMappings: awsvpcPorts(definition) }) : {};
    const id = await engine.createContainer(name, {
      Image: image,
      Labels: this.#labels,
      ...exposed(ports),
      HostConfig: {
        NetworkMode: isShared ? networkId : 'none',
        ExtraHosts: extraHosts,
        PortBindings: ports,
        LogConfig: { Type: 'none' },
      },
    });
    await engine.startContainer(id);
    if (isShared) [this.#taskAddress] = addressesOf(await this.#inspect(id));
    return id;
  }

  /** A container's way from its turn to its end. */
  async #live(container: ContainerDefinition): Promise<void> {
    const { name } = container;
    try {
      if (!(await this.#awaitTurn(container))) return;
      this.#task.starting(name);
      await this.#run(container, await this.#create(container));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.#neverStarted(container, error.message, await this.#startExitCode(name));
    }
  }

  /** Resolves with whether it is to start. */
  async #awaitTurn(container: ContainerDefinition): Promise<boolean> {
    const ready = () => readiness(container, (name) => this.#task.progress(name));
    await this.#changes.until(() => this.#task.stopRequested || ready().state !== 'waiting');
    const turn = ready();
    if (this.#task.stopRequested) this.#neverStarted(container, 'the task is to stop');
    else if (turn.state === 'never') this.#neverStarted(container, turn.reason, NEVER_STARTED_EXIT_CODE);
    return this.#task.progress(container.name).status === 'waiting';
  }

  async #create(container: ContainerDefinition): Promise<string> {
    const { engine, definition, imageOf, environmentOf } = this.#options;
    const { name } = container;
    if (this.#network === undefined) throw new Error('the run is not open');
    const body = containerBody(container, {
      task: definition,
      image: imageOf(container),
      environment: [
        ...container.environment.map(({ name, value }) => [name, value] as const),
        ...this.#ecsEnvironment(name),
        ...environmentOf(name),
      ],
      labels: { ...agentLabels({ id: this.#task.id, family: definition.family }, name), ...this.#labels },
      network: this.#network,
      cpuCount: engine.facts.cpuCount,
      volumeName: (volume) => this.#nameOnEngine(volume),
    });
    const id = await engine.createContainer(this.#nameOnEngine(name), body);
    this.#ids.set(name, id);
    this.#task.created(name, await this.#inspect(id));
    return id;
  }

  #ecsEnvironment(name: string): readonly (readonly [string, string])[] {
    const { launchType } = this.#options.definition;
    const endpoint = (version: string) =>
      `${this.#endpoint?.origin}/${version}/${this.#task.endpointId(name)}`;
    return [
      ['AWS_EXECUTION_ENV', `AWS_ECS_${launchType}`],
      ['ECS_CONTAINER_METADATA_URI', endpoint('v3')],
      ['ECS_CONTAINER_METADATA_URI_V4', endpoint('v4')],
    ];
  }

  /** From its first start to its last end. */
  async #run(container: ContainerDefinition, id: string): Promise<void> {
    const { engine, clock, tell } = this.#options;
    const { name } = container;
    /** At its last end. */
    let state: ContainerDocument['State'] | undefined;
    while (await this.#start(container, id)) {
      const startedAtElapsedMs = clock.elapsed();
      if (state) this.#restarted(name, state.ExitCode);
      else await this.#observe(container, id);
      await engine.waitForExit(id);
      state = (await this.#inspect(id)).State;
      if (state.OOMKilled) tell(`${name}: the kernel killed a process of it for lack of memory`);
      if (!this.#isRestartDue(container, state.ExitCode, clock.elapsed() - startedAtElapsedMs)) break;
      this.#task.restarting(name);
    }
    if (state === undefined) {
      this.#neverStarted(container, 'the task is to stop');
      return;
    }
    this.#task.stopped(name, state);
    tell(`${name}: stopped, exit code ${state.ExitCode}`);
    this.#afterEnd(container);
  }

  #restarted(name: string, exitCode: number): void {
    this.#task.restarted(name);
    this.#options.tell(`${name}: exit code ${exitCode}, is restarted`);
    this.#changes.notify();
  }

  /** Resolves with whether it was started: not when the task is to stop by then. */
  async #start(container: ContainerDefinition, id: string): Promise<boolean> {
    const { engine } = this.#options;
    const output = await engine.attach(id);
    if (this.#task.stopRequested) {
      output.destroy();
      return false;
    }
    this.#outputs.push(this.#copyOutput(container, output));
    try {
      await engine.startContainer(id);
    } catch (error) {
      output.destroy();
      throw error;
    }
    return true;
  }

  async #copyOutput(
    { name, pseudoTerminal }: ContainerDefinition,
    output: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { onOutput, tell } = this.#options;
    try {
      for await (const line of outputLines(output, pseudoTerminal ?? false)) await onOutput(name, line);
    } catch (error) {
      if (this.#task.progress(name).status === 'running') {
        tell(`${name}: its output is lost from here on: ${(error as Error).message}`);
      }
    }
  }

  /** It runs, or has run already. */
  async #observe(container: ContainerDefinition, id: string): Promise<void> {
    const { engine, clock, tell } = this.#options;
    const { name } = container;
    const ended = new AbortController();
    const end = ended.signal;
    this.#ends.set(name, ended);
    this.#task.started(name, await this.#inspect(id), this.#taskAddress);
    tell(`${name}: started`);
    this.#changes.notify();
    this.#watch(followStats(engine, id, (stats) => this.#task.takeStats(name, stats), clock, end));
    if (container.healthCheck) {
      this.#watch(followState(engine, id, (seen) => this.#noteHealth(name, seen), clock, end));
    }
    if (container.startTimeout) this.#watch(this.#expectStart(name, container.startTimeout * 1000, end));
  }

  #noteHealth(name: string, { State }: ContainerDocument): void {
    if (State.Health) this.#task.healthChecked(name, State.Health);
    this.#changes.notify();
  }

  async #expectStart(name: string, timeoutMs: number, end: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(timeoutMs, end);
    if (end.aborted) return;
    this.#task.late(name);
    this.#changes.notify();
  }

  /** amazon-ecs-agent, ecs-agent/api/container/restart/restart_tracker.go: only after it ran for the period. */
  #isRestartDue({ restartPolicy }: ContainerDefinition, exitCode: number, ranForMs: number): boolean {
    if (!restartPolicy?.enabled || this.#task.stopRequested) return false;
    const { ignoredExitCodes, restartAttemptPeriod } = restartPolicy;
    return !ignoredExitCodes.includes(exitCode) && ranForMs >= restartAttemptPeriod * 1000;
  }

  #neverStarted(container: ContainerDefinition, reason: string, exitCode?: number): void {
    const what = this.#task.progress(container.name).status === 'running' ? 'lost' : 'not started';
    this.#options.tell(`${container.name}: ${what}: ${reason}`);
    this.#task.gone(container.name, exitCode);
    this.#afterEnd(container);
  }

  /** The task ends with the first of its essential containers. */
  #afterEnd({ name, essential }: ContainerDefinition): void {
    this.#ends.get(name)?.abort();
    if (essential && !this.#isExecutionOver) {
      this.#isExecutionOver = true;
      this.#exitCode = this.#task.progress(name).exitCode;
      const wasRequested = this.#task.stopRequested;
      this.#task.executionStopped(this.#options.clock.now());
      if (!wasRequested) this.#stopAll();
    }
    this.#changes.notify();
  }

  #stopAll(): void {
    for (const container of this.#options.definition.containers) this.#watch(this.#stopInTurn(container));
    this.#changes.notify();
  }

  async #stopInTurn({ name, stopTimeout }: ContainerDefinition): Promise<void> {
    const { containers } = this.#options.definition;
    const progressOf = (each: string) => this.#task.progress(each);
    const isBetween = () => ['waiting', 'starting'].includes(progressOf(name).status);
    await this.#changes.until(() => !isBetween() && mayStop(name, containers, progressOf));
    const id = this.#ids.get(name);
    if (id === undefined || progressOf(name).status === 'stopped') return;
    this.#options.tell(`${name}: is asked to stop, and killed after ${stopTimeout} s`);
    await this.#options.engine.stopContainer(id, stopTimeout);
  }

  /** What goes on beside the containers: if it fails, so does the run. */
  #watch(work: Promise<void>): void {
    work.catch((error) => this.#failure.reject(error));
  }

  async #inspect(id: string): Promise<ContainerDocument> {
    const document = await this.#options.engine.container(id);
    if (document === undefined) throw new EngineError(404, 'it was removed by somebody else');
    return document;
  }

  /** The engine gives 127 or 126 to a container whose program is not there or cannot be executed. */
  async #startExitCode(name: string): Promise<number | undefined> {
    const id = this.#ids.get(name);
    const document = id === undefined ? undefined : await this.#options.engine.container(id);
    return document?.State.ExitCode || undefined;
  }

  #nameOnEngine(name: string): string {
    return nameOnEngine(this.#task.id, name);
  }
}

/** Under awsvpc the host's port is the container's. */
function awsvpcPorts({ containers }: TaskDefinition): ContainerDefinition['portMappings'] {
  return containers
    .flatMap(({ portMappings }) => portMappings)
    .map((mapping) => ({ ...mapping, hostPort: mapping.containerPort }));
}

/** Wakes those who wait for something when it may have come true. */
class Changes {
  readonly #waiting = new Set<{ readonly isMet: () => boolean; readonly resolve: () => void }>();

  notify(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isMet()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  async until(isMet: () => boolean): Promise<void> {
    if (isMet()) return;
    await new Promise<void>((resolve) => this.#waiting.add({ isMet, resolve }));
  }
}
