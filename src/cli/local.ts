import { constants } from 'node:os';
import { type Clock, systemClock } from '../clock.ts';
import { connectEngine, type Engine, EngineError, EngineUnreachableError } from '../local/docker-engine.ts';
import { EngineAddressError } from '../local/docker-host.ts';
import { checkImages, MissingImageError } from '../local/docker-images.ts';
import { removeLeftovers } from '../local/docker-leftovers.ts';
import { DockerObserver } from '../local/docker-observer.ts';
import { DockerRun } from '../local/docker-run.ts';
import { GUEST_ENDPOINT_ID } from '../local/docker-task.ts';
import {
  type ContainerDefinition,
  type ParsedTaskDefinition,
  parseTaskDefinition,
  type TaskDefinition,
  TaskDefinitionError,
} from '../local/docker-task-definition.ts';
import { serveMetadata } from '../local/metadata-server.ts';
import { nearest } from '../nearest.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { ContainerLog } from './container-log.ts';
import { type LocalEndpointOptions, type LocalTaskOptions, parseLocalOptions } from './local-options.ts';
import { listenForStop, type StopSignal } from './stop-signals.ts';
import { isSummarized, renderSummary } from './summary.ts';
import { wholeText } from './whole-text.ts';

const HELP = `Usage: fargauge local [OPTIONS] TASKDEF.json
       fargauge local [OPTIONS] --port PORT

Runs a task definition on the local Docker Engine as ECS would, to try it before it is deployed: the metadata
endpoint v3 and v4 at 169.254.170.2 with the real figures of the containers, their order by dependsOn, health checks,
limits, restarts, and on Ctrl-C StopTask: reverse order, SIGTERM, SIGKILL after stopTimeout. What the containers write
goes to stdout and stderr. Nothing is pulled, and everything that was made is removed at the end. With - the task
definition is read from stdin.

With --port alone: the endpoint for containers that run on the engine already, at /v4/CONTAINER-NAME; at
/v4/${GUEST_ENDPOINT_ID} for a program in none of them.

Options:
  --image CONTAINER=IMAGE  the image for a container instead of the task definition's
  --env NAME=VALUE         a variable for all containers; with CONTAINER: before it, for one; without =VALUE, passed
                           on from here. Nothing else of this environment is: no AWS credentials unless asked for
  --refresh-ms MS          how often the endpoint renews its stats, 1000 to 60000 (default: 1000, as on EC2; Fargate
                           takes 10000)
  --lenient                leave out what is not possible here, such as secrets and EFS, instead of refusing it
  --port PORT              where to listen; 0 is any free port
  --host ADDRESS           on which address (default: 127.0.0.1, which only programs of this machine and containers
                           of the network mode host reach; a bridge's gateway lets its containers in)
  --filter label=NAME      only containers with this label, or label=NAME=VALUE; may be given again
  --help                   show this text

DOCKER_HOST and the Docker context say where the engine is. Exit code: that of the first essential container that
stopped; 130 after Ctrl-C; 125 when the engine failed; 2 for wrong use and a bad task definition.
`;

/** As `docker run` tells of an error of the engine itself. */
const EXIT_ENGINE = 125;

export const localCommand: Command = {
  name: 'local',
  summary: 'run a task definition on the local Docker Engine as ECS would',
  help: HELP,
  run: (argv, streams) => local(argv, streams),
};

/** What the command works with beside its streams. */
export interface LocalSurroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where signals to this program arrive. */
  readonly signals: Pick<NodeJS.Process, 'on' | 'off'>;
  readonly clock: Clock;
}

/** @returns the exit code, as the help says it. */
export async function local(
  argv: readonly string[],
  streams: Streams,
  surroundings: LocalSurroundings = { env: process.env, signals: process, clock: systemClock },
): Promise<number> {
  const tell = (message: string): void => {
    for (const line of message.split('\n')) streams.stderr.write(`fargauge local: ${line}\n`);
  };
  const parsed = parseLocalOptions(argv, surroundings.env);
  if (!parsed.ok) {
    tell([...parsed.problems, 'see fargauge local --help'].join('\n'));
    return EXIT_USE;
  }
  try {
    const { options } = parsed;
    return options.kind === 'task'
      ? await runTask(options, streams, surroundings, tell)
      : await serveRunning(options, surroundings, tell);
  } catch (error) {
    const exitCode = exitCodeOf(error);
    if (exitCode === undefined) throw error;
    tell((error as Error).message);
    return exitCode;
  }
}

class UseError extends Error {}

/** Undefined for what is a defect of this program. */
function exitCodeOf(error: unknown): number | undefined {
  const isUse = [UseError, TaskDefinitionError, MissingImageError, EngineAddressError].some(
    (kind) => error instanceof kind,
  );
  if (isUse) return EXIT_USE;
  return error instanceof EngineError || error instanceof EngineUnreachableError ? EXIT_ENGINE : undefined;
}

async function runTask(
  options: LocalTaskOptions,
  streams: Streams,
  { env, signals, clock }: LocalSurroundings,
  tell: (message: string) => void,
): Promise<number> {
  const { definition, leftOut } = await readTaskDefinition(options, streams);
  checkNames(options, definition);
  const engine = await connect(env, tell);
  const imageOf = ({ name, image }: ContainerDefinition) =>
    options.images.findLast(({ container }) => container === name)?.image ?? image;
  const notices = await checkImages(engine, definition, imageOf);
  for (const what of leftOut) tell(`left out: ${what}`);
  for (const notice of [...notices, ...differences(definition, engine)]) tell(notice);

  const endLines: string[] = [];
  const colour = Boolean(streams.stdout.isTTY) && !env.NO_COLOR;
  const log = new ContainerLog(
    definition.containers.map(({ name }) => name),
    streams,
    { colour, onLost: tell },
  );
  const run = new DockerRun({
    engine,
    definition,
    imageOf,
    environmentOf: (name) =>
      options.environment
        .filter(({ container }) => container === undefined || container === name)
        // What is said of one container goes before what is said of all.
        .toSorted((a, b) => Number(a.container !== undefined) - Number(b.container !== undefined))
        .map(({ name, value }) => [name, value]),
    refreshMs: options.refreshMs,
    clock,
    onOutput: (name, line) => {
      if (isSummarized(line.text)) endLines.push(line.text);
      return log.write(name, line);
    },
    tell,
  });
  const exitCode = await toEnd(run, definition, signals, tell);
  if (streams.stderr.isTTY) {
    streams.stderr.write(renderSummary(endLines, batchOf(definition), { colour: !env.NO_COLOR }));
  }
  return exitCode;
}

async function toEnd(
  run: DockerRun,
  { family }: TaskDefinition,
  signals: LocalSurroundings['signals'],
  tell: (message: string) => void,
): Promise<number> {
  const stop = listenForStop(signals);
  let stopSignal: StopSignal | undefined;
  void stop.first.then((signal) => {
    if (run.requestStop()) stopSignal = signal;
  });
  stop.onRepeat(() => void run.kill().catch((error: Error) => tell(error.message)));
  try {
    const { origin, deviation } = await run.open();
    tell(`task ${run.taskId} of ${family}, its endpoint at ${origin}${deviation ? `: ${deviation}` : ''}`);
    const exitCode = await run.toEnd();
    return stopSignal === undefined ? (exitCode ?? EXIT_ENGINE) : 128 + constants.signals[stopSignal];
  } finally {
    await run.close().finally(() => stop.close());
  }
}

async function readTaskDefinition(
  { file, isLenient }: LocalTaskOptions,
  { stdin }: Streams,
): Promise<ParsedTaskDefinition> {
  let json: string;
  try {
    json = await wholeText(file, stdin);
  } catch (cause) {
    throw new UseError(`${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return parseTaskDefinition(json, isLenient);
  } catch (error) {
    if (!(error instanceof TaskDefinitionError)) throw error;
    const hint = 'with --lenient, what is not possible here is left out';
    const hasHint = error.problems.some((problem) => problem.endsWith('not possible here'));
    const lines = [...error.problems.map((problem) => `${file}: ${problem}`), ...(hasHint ? [hint] : [])];
    throw new TaskDefinitionError(lines);
  }
}

/** An option for a container that is not there is a slip of the pen. */
function checkNames({ images, environment }: LocalTaskOptions, { containers }: TaskDefinition): void {
  const names = containers.map(({ name }) => name);
  const problems = [
    ...images.map(({ container }) => ({ option: '--image', container })),
    ...environment.map(({ container }) => ({ option: '--env', container })),
  ].flatMap(({ option, container }) => {
    if (container === undefined || names.includes(container)) return [];
    const meant = nearest(container, names);
    const advice = meant === undefined ? `there are ${names.join(', ')}` : `did you mean ${meant}?`;
    return [`${option}: there is no container ${JSON.stringify(container)}; ${advice}`];
  });
  if (problems.length > 0) throw new UseError(problems.join('\n'));
}

/** What is not as it will be on ECS. */
function differences({ size, hasTaskRole }: TaskDefinition, { facts }: Engine): readonly string[] {
  const cpus = (size?.cpuUnits ?? 0) / 1024;
  return [
    ...(cpus > facts.cpuCount
      ? [`cpu: the task has ${cpus} vCPU, but the engine only ${facts.cpuCount}`]
      : []),
    ...(hasTaskRole
      ? ['taskRoleArn: containers have no AWS credentials here but those given with --env']
      : []),
  ];
}

/** The container that the run is about, for the summary. */
function batchOf({ containers }: TaskDefinition): string {
  return containers.find(({ essential }) => essential)?.name ?? '';
}

async function connect(env: NodeJS.ProcessEnv, tell: (message: string) => void): Promise<Engine> {
  const engine = await connectEngine(env);
  const taskIds = await removeLeftovers(engine);
  if (taskIds.length > 0) tell(`removed what earlier runs had left behind: ${taskIds.join(', ')}`);
  return engine;
}

async function serveRunning(
  { host, port, labels, refreshMs }: LocalEndpointOptions,
  { env, signals, clock }: LocalSurroundings,
  tell: (message: string) => void,
): Promise<number> {
  const engine = await connect(env, tell);
  let origin = '';
  const observer = new DockerObserver({
    engine,
    labels,
    refreshMs,
    clock,
    onContainer: (name) => tell(`${name}: ${origin}/v4/${name}`),
    onError: (error) => tell(`cannot see the containers just now: ${error.message}`),
  });
  const server = await serveMetadata(observer.task, () => {}, { host, port }).catch((cause: Error) => {
    throw new UseError(`--port ${port}: cannot listen on ${host}: ${cause.message}`, { cause });
  });
  origin = server.origin;
  tell(`the endpoint for a program in no container: ${origin}/v4/${GUEST_ENDPOINT_ID}`);
  const stop = listenForStop(signals);
  const end = new AbortController();
  const observing = observer.observe(end.signal);
  await stop.first;
  end.abort();
  await Promise.all([observing, server.close()]);
  stop.close();
  return 0;
}
