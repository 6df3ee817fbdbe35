/** The container's program: environment in, signals in, lines out, exit code. Everything else is in the parts. */

import './shutdown.ts';
import { systemClock } from './clock.ts';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { isObserved } from './core/selection.ts';
import type { Settings, State } from './core/state.ts';
import type { Container } from './core/types.ts';
import { connectEndpoint } from './endpoint/client.ts';
import { createLog, type Log, type StderrLog } from './log.ts';
import { openTaskProcesses } from './proc/task-processes.ts';
import { Recorder } from './recorder.ts';
import { shutdown } from './shutdown.ts';
import { run } from './sidecar.ts';
import { openDescriptor } from './sinks/descriptor.ts';
import type { LogTarget } from './sinks/log-events.ts';
import { createOutput } from './sinks/output.ts';
import { chooseRoute, ownStream } from './sinks/route.ts';
import type { Sink } from './sinks/sink.ts';
import { createStdoutSink } from './sinks/stdout.ts';
import { version } from './version.ts';

const EXIT_BAD_CONFIG = 2;
/** How long the last diagnostics may take. */
const LAST_LOG_MS = 100;
/** ECS's own names for what Node calls `x64` and `arm64`. */
const CPU_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'X86_64', arm64: 'ARM64' };

async function main(): Promise<void> {
  const config = readConfig();
  if (config === undefined) return;

  const log = createLog(config.logLevel, openDescriptor(2));
  process.on('uncaughtException', (error) => log.error({ err: error }, 'internal error'));
  const settings = settingsOf(config);
  const stdout = createStdoutSink(openDescriptor(1));
  log.info({ version, pollIntervalMs: config.pollIntervalMs }, `polling ${config.endpoint.origin}`);

  await run(
    config,
    settings,
    {
      endpoint: connectEndpoint(config.endpoint),
      clock: systemClock,
      log,
      stdout,
      openSink: (state) => openSink(config, state, stdout, log),
      processes: config.proc === 'auto' ? openTaskProcesses() : undefined,
      recorder: config.record
        ? new Recorder((name) => !isObserved({ settings, self: undefined }, named(name)))
        : undefined,
    },
    shutdown,
  );
  await flushLog(log);
  // Whatever is still open (a pipe that nobody reads, a connection) must not keep the program past its end.
  process.exit(0);
}

function readConfig(): Config | undefined {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = EXIT_BAD_CONFIG;
    return undefined;
  }
}

function settingsOf(config: Config): Settings {
  return {
    version,
    cpuArchitecture: CPU_ARCHITECTURES[process.arch],
    job: config.job,
    batch: config.batch,
    containers: config.containers,
    summaryIntervalMs: config.summaryIntervalSeconds * 1000,
    samples: config.samples,
    endpointId: config.endpoint.pathname.split('/').at(-1),
  };
}

/** Decides where lines go, tells it, and opens it. */
function openSink(config: Config, state: State, stdout: Sink, log: Log): Sink {
  const { task, batch, containers } = state;
  const route = chooseRoute(config, task, batch?.container, process.env);
  const { cloudwatch } = route;
  if (cloudwatch === undefined) {
    const wanted = config.output === 'auto' || config.output.includes('cloudwatch');
    log[config.output !== 'auto' && wanted ? 'error' : 'info']({}, `lines go to stdout: ${route.reason}`);
    return stdout;
  }
  log.info({}, `lines go to CloudWatch Logs${route.stdout ? ' and stdout' : ''}: ${route.reason}`);

  const load = async (refuse: (reason: string) => void): Promise<Sink> => {
    const { createCloudWatchLogsSink } = await import('./sinks/cloudwatch-logs.ts');
    return createCloudWatchLogsSink({
      region: cloudwatch.region,
      defaultTarget: cloudwatch.target,
      targetOf: (name) =>
        cloudwatch.isBatchsOwn ? targetOf(containers.get(name)?.container, cloudwatch.region) : undefined,
      createLogGroup: config.createLogGroup,
      credentialSource: cloudwatch.credentialSource,
      accountId: task?.accountId,
      clock: systemClock,
      random: Math.random,
      log: (level, fields, message) => log[level](fields, message),
      onRefused: refuse,
    });
  };
  return createOutput(load, stdout, route.stdout, {
    onRefused: (reason) => log.error({}, `${reason}. Lines go to stdout from now on`),
    onUndelivered: (undeliveredLineCount) =>
      log.error(
        { undeliveredLineCount },
        'CloudWatch Logs did not take all lines in time: the rest is on stdout',
      ),
  });
}

/** A container's own stream; none when its driver is another, or its group in another region. */
function targetOf(container: Container | undefined, region: string): LogTarget | undefined {
  const logGroupName = container?.awslogs?.logGroupName;
  if (logGroupName === undefined || container?.awslogs?.region !== region) return undefined;
  return { logGroupName, logStreamName: ownStream(container) };
}

function named(name: string) {
  return { name, id: '', status: 'pending', stopRequested: false } as const;
}

async function flushLog(log: StderrLog): Promise<void> {
  const end = new AbortController();
  void systemClock.sleep(LAST_LOG_MS).then(() => end.abort());
  await log.flush(end.signal);
}

void main();
