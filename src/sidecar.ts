import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { type Line, type LineFields, render } from './core/line.ts';
import { LookPlanner } from './core/looks.ts';
import {
  finish,
  initialState,
  isBatchStopped,
  isOver,
  isTaskDue,
  type Settings,
  type State,
  step,
} from './core/state.ts';
import { TickPlanner } from './core/ticks.ts';
import type { Answer, Poll, Samples, Task } from './core/types.ts';
import type { Asked, Endpoint } from './endpoint/client.ts';
import type { Log } from './log.ts';
import type { ProcLook, TaskProcesses } from './proc/task-processes.ts';
import type { Recordable, Recorder } from './recorder.ts';
import type { Shutdown } from './shutdown.ts';
import type { OutputLine, Sink } from './sinks/sink.ts';

/** What the loop works with. */
export interface Ports {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly log: Log;
  /** Where RECORD lines go, and whatever another sink could not deliver. */
  readonly stdout: Sink;
  /** Decides where lines go. Called once: when the batch is first seen, or at the end of a run that had none. */
  openSink(state: State): Sink;
  /** Absent where no process of another container can be seen, or shall be. */
  readonly processes: TaskProcesses | undefined;
  readonly recorder: Recorder | undefined;
}

/** The share of the poll interval that its requests may take, so that no two polls overlap. */
const POLL_TIMEOUT_SHARE = 0.9;
const MAX_POLL_TIMEOUT_MS = 5_000;

/** `/task` on Fargate may still show a batch running that has stopped: it is asked again this often, this long. */
const STALE_TASK_POLL_MS = 100;
const STALE_TASK_WAIT_MS = 2_000;
/** An endpoint that fails at the very end gets this long to recover. */
const LAST_POLL_RETRY_MS = 500;

/** With the default start order ECS stops the batch only after the sidecar: a stop must not wait for us longer. */
const MAX_STOP_WHILE_BATCH_RUNS_MS = 5_000;
/** The run is over and nobody has asked us to stop: how long delivery may take. */
const OWN_EXIT_FLUSH_MS = 300_000;
/** Kept back from the deadline: for printing what could not be delivered, and then for the way out. */
const LAST_WORDS_MS = 200;
const WAY_OUT_MS = 150;

/** Polls without a batch after which that is told. */
const MISSING_BATCH_POLLS = 10;

/** Throttled, the endpoint is left alone for up to this many ticks. */
const MAX_SKIPPED_TICKS = 31;

/**
 * Polls until the run is over or a signal asks to stop, writes the lines that become due, and ends with the REPORT
 * and its delivery. Resolves in every case: whatever fails is counted and told.
 */
export async function run(
  config: Config,
  settings: Settings,
  ports: Ports,
  shutdown: Shutdown,
): Promise<void> {
  const loop = new Loop(config, settings, ports, shutdown);
  try {
    await loop.pollUntilEnd();
  } catch (error) {
    // A defect of ours must not cost the REPORT of what was seen until now.
    ports.log.error({ err: error }, 'polling ended by an internal error');
  }
  await loop.end();
}

class Loop {
  readonly #config: Config;
  readonly #ports: Ports;
  readonly #shutdown: Shutdown;
  readonly #state: State;
  readonly #planner: TickPlanner;
  readonly #pollTimeoutMs: number;
  #sink: Sink | undefined;
  #seq = 0;
  #missedPollCount = 0;
  #throttledPolls = 0;
  #lastTrouble: string | undefined;
  /** Until it turns out that there is nothing to be seen. */
  #processes: TaskProcesses | undefined;
  #looking: Promise<void> | undefined;
  #hasSampled = false;
  /** What was last told of the looks at /proc. */
  #toldSources = '';
  #hasToldThinning = false;
  #hasToldAmbiguity = false;
  /** The most processes that were too many for a look. */
  #leftOutProcessCount = 0;

  constructor(config: Config, settings: Settings, ports: Ports, shutdown: Shutdown) {
    this.#config = config;
    this.#ports = ports;
    this.#shutdown = shutdown;
    this.#processes = ports.processes;
    this.#state = initialState(settings);
    this.#planner = new TickPlanner(config.pollIntervalMs, ports.clock.elapsed());
    this.#pollTimeoutMs = Math.min(config.pollIntervalMs * POLL_TIMEOUT_SHARE, MAX_POLL_TIMEOUT_MS);
  }

  async pollUntilEnd(): Promise<void> {
    const end = new AbortController();
    try {
      await this.#pollUntilOver(AbortSignal.any([end.signal, this.#shutdown.stop]));
    } finally {
      end.abort();
      await this.#looking;
    }
  }

  /** @param end aborts when there are no more looks at /proc */
  async #pollUntilOver(end: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    this.#recordSettings();
    const { stop } = this.#shutdown;
    const onStop = () => void this.#cutPollsAtDeadline();
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    while (!stop.aborted) {
      const hasStats = await this.#poll(clock.elapsed() + this.#pollTimeoutMs, false);
      if (isOver(this.#state)) return;
      this.#looking ??= this.#lookUntil(end);
      this.#warnOfMissingBatch();
      if (hasStats) this.#planner.observe(this.#state.batch?.current?.sample);
      const tick = this.#planner.next(clock.elapsed(), this.#ticksToSkip());
      this.#missedPollCount += tick.missedCount;
      await clock.sleep(tick.atElapsedMs - clock.elapsed(), stop);
    }
    await this.#pollAfterStop();
  }

  /**
   * Looks at /proc beside the polls, where there is something to be seen. The two do not wait for one another: an
   * endpoint that is slow must not hide what happens meanwhile.
   */
  async #lookUntil(end: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    if (this.#processes === undefined) return;
    const planner = new LookPlanner(this.#config.procIntervalMs, clock.elapsed());
    while (!end.aborted && this.#processes !== undefined) {
      const look = this.#look();
      const next = planner.next(clock.elapsed(), look?.costMs ?? 0);
      if (look) this.#tellOfLook(look, next.isThinned);
      await clock.sleep(next.atElapsedMs - clock.elapsed(), end);
    }
  }

  /** One look at /proc, as soon as the task's containers are known. */
  #look(): ProcLook | undefined {
    const { clock, log } = this.#ports;
    const { task, self } = this.#state;
    if (task === undefined || this.#processes === undefined) return undefined;
    const polledAtMs = clock.now();
    const fold = (processes: Samples) =>
      this.#write(
        step(this.#state, {
          polledAtMs,
          answeredAtMs: polledAtMs,
          elapsedMs: clock.elapsed(),
          processes,
        }),
      );
    try {
      const { containers } = task;
      const look = this.#processes.look({ containers, selfId: self?.id, nowMs: polledAtMs });
      if (look) {
        // As long as nothing is seen, the lines come when they would without looking.
        this.#hasSampled ||= look.samples.size > 0;
        if (!this.#hasSampled) return look;
        this.#leftOutProcessCount = Math.max(this.#leftOutProcessCount, look.leftOutCount);
        fold(look.samples);
        return look;
      }
      log.info({}, 'no process in /proc is of another container of this task: it is not looked at any more');
    } catch (error) {
      log.error({ err: error }, '/proc is not looked at any more');
    }
    // The endpoint's samples go on without.
    this.#processes.close();
    this.#processes = undefined;
    if (this.#hasSampled) fold(new Map());
    return undefined;
  }

  /**
   * Which source each container's samples have is told when that changes; that containers cannot be told apart and
   * that looks are too dear, once.
   */
  #tellOfLook({ costMs, leftOutCount, isAmbiguous }: ProcLook, isThinned: boolean): void {
    const { log } = this.#ports;
    const sources = [...this.#state.containers].flatMap(([name, { fineSource }]) =>
      fineSource === undefined ? [] : [[name, fineSource]],
    );
    const told = sources.flat().join(' ');
    if (told !== this.#toldSources) {
      this.#toldSources = told;
      log.info({ sources: Object.fromEntries(sources) }, 'samples out of /proc');
    }
    if (isAmbiguous && !this.#hasToldAmbiguity) {
      this.#hasToldAmbiguity = true;
      const why = 'their cgroups do not bear the ids that the endpoint shows';
      log.info({}, `the processes of other containers in /proc cannot be told apart: ${why}`);
    }
    if ((!isThinned && leftOutCount === 0) || this.#hasToldThinning) return;
    this.#hasToldThinning = true;
    log.warn(
      { costMs: Math.round(costMs), leftOutCount },
      'there are so many processes in /proc that they are looked at more seldom, or not all of them',
    );
  }

  /** The end of every run: lines, delivery, and what could not be delivered to stdout. */
  async end(): Promise<void> {
    const { clock, endpoint, log, stdout } = this.#ports;
    endpoint.close();
    const deadline = new AbortController();
    const deadlineTimer = this.#armDeadline(deadline);

    const sink = this.#openSink();
    const tally = {
      missedPollCount: this.#missedPollCount,
      ...(this.#leftOutProcessCount > 0 && { leftOutProcessCount: this.#leftOutProcessCount }),
      droppedLineCount: this.#droppedLineCount(),
    };
    this.#write(finish(this.#state, clock.now(), clock.elapsed(), tally));

    await sink.flush(deadline.signal);
    if (sink !== stdout) stdout.write(sink.takeUndelivered());
    await stdout.flush(this.#lastWords());
    const lostCount = this.#droppedLineCount() + stdout.takeUndelivered().length;
    if (lostCount > 0) log.error({ lostLineCount: lostCount }, `${lostCount} lines were lost`);
    deadline.abort();
    await deadlineTimer;
  }

  /**
   * One poll: the stats, then the task where it may have changed, then our own container until it is known.
   * @returns whether the stats were answered
   */
  async #poll(untilElapsedMs: number, mustAskTask: boolean): Promise<boolean> {
    const { endpoint, clock } = this.#ports;
    const left = () => Math.max(1, untilElapsedMs - clock.elapsed());
    const polledAtMs = clock.now();
    const elapsedMs = clock.elapsed();

    const stats = await endpoint.stats(mustAskTask ? left() / 2 : left());
    this.#record('/task/stats', stats, polledAtMs, elapsedMs);
    const isAsked = mustAskTask || (mayAnswer(stats) && isTaskDue(this.#state, stats, elapsedMs));
    const task = isAsked ? await this.#askTask(left()) : undefined;
    const answeredAtMs = clock.now();
    if (task) this.#record('/task', task, polledAtMs, elapsedMs);
    const self = task?.ok && this.#state.self === undefined ? await endpoint.container(left()) : undefined;
    if (self) this.#record('/', self, polledAtMs, elapsedMs);
    this.#take({
      polledAtMs,
      answeredAtMs,
      elapsedMs,
      stats,
      ...(task && { task }),
      ...(self?.ok && { self: self.value }),
    });
    return stats.ok;
  }

  /** One look at the task alone, while it may be late to show the batch's end. */
  async #pollTask(untilElapsedMs: number): Promise<void> {
    const { clock } = this.#ports;
    const polledAtMs = clock.now();
    const elapsedMs = clock.elapsed();
    const task = await this.#askTask(Math.max(1, untilElapsedMs - elapsedMs));
    if (task === undefined) return;
    this.#record('/task', task, polledAtMs, elapsedMs);
    this.#take({ polledAtMs, answeredAtMs: clock.now(), elapsedMs, task });
  }

  /** Undefined where the deadline of a stop cut the request short: what was answered since the signal stands. */
  async #askTask(timeoutMs: number): Promise<Asked<Task> | undefined> {
    const answer = await this.#ports.endpoint.task(timeoutMs);
    const { stoppedAtElapsedMs = Number.POSITIVE_INFINITY } = this.#shutdown;
    const { taskAskedAtElapsedMs = Number.NEGATIVE_INFINITY } = this.#state;
    const isCutShort = !answer.ok && answer.failure.kind === 'timeout';
    return isCutShort && taskAskedAtElapsedMs >= stoppedAtElapsedMs ? undefined : answer;
  }

  #take(poll: Poll): void {
    this.#noteFailures([poll.stats, poll.task]);
    this.#write(step(this.#state, poll));
  }

  /**
   * After SIGTERM: what is there now, at once. Only where the task's metadata may be late (everywhere but with the
   * open agent of EC2 and ECS Anywhere) a batch shown running is asked for again, for a moment.
   */
  async #pollAfterStop(): Promise<void> {
    const { clock } = this.#ports;
    const { giveUp, stoppedAtElapsedMs = clock.elapsed() } = this.#shutdown;
    this.#recordSignal();
    const untilMs = stoppedAtElapsedMs + this.#lastPollsMs();
    const left = () => untilMs - clock.elapsed();
    if (giveUp.aborted || left() <= 0) return;
    this.#look();
    await this.#poll(Math.min(untilMs, clock.elapsed() + this.#pollTimeoutMs), true);
    let hasWaited = false;
    while (
      !giveUp.aborted &&
      left() > 2 * STALE_TASK_POLL_MS &&
      this.#isWorthAnotherLook(stoppedAtElapsedMs)
    ) {
      hasWaited = true;
      await clock.sleep(STALE_TASK_POLL_MS, giveUp);
      await this.#pollTask(untilMs);
    }
    // The wait was part of the run: a batch that runs on has used CPU and memory in it.
    if (hasWaited && !giveUp.aborted && !isBatchStopped(this.#state)) await this.#poll(untilMs, false);
  }

  #isWorthAnotherLook(stoppedAtElapsedMs: number): boolean {
    const { task, isTaskCurrent } = this.#state;
    const hasJustFailed = this.#ports.clock.elapsed() - stoppedAtElapsedMs < LAST_POLL_RETRY_MS;
    if (!isTaskCurrent && hasJustFailed) return true;
    const mayBeLate = task !== undefined && task.launchType !== 'EC2' && task.launchType !== 'EXTERNAL';
    return mayBeLate && this.#state.batch !== undefined && !isBatchStopped(this.#state);
  }

  /** Of the time after a signal, the most that polls may take: the rest is for delivery. */
  #lastPollsMs(): number {
    return Math.min(STALE_TASK_WAIT_MS, this.#stopBudgetMs() / 2);
  }

  /** Everything after a signal ends within this, ms: `stopTimeout` less 2 s, or less half of it where it is short. */
  #stopBudgetMs(): number {
    const stopTimeoutMs = this.#config.stopTimeoutSeconds * 1000;
    const reserveMs = stopTimeoutMs < 4_000 ? stopTimeoutMs / 2 : 2_000;
    const budgetMs = stopTimeoutMs - reserveMs;
    return isBatchStopped(this.#state) ? budgetMs : Math.min(budgetMs, MAX_STOP_WHILE_BATCH_RUNS_MS);
  }

  /** A name that fits no container of the task would otherwise show in the missing lines only. */
  #warnOfMissingBatch(): void {
    const { batch, task, pollCount } = this.#state;
    if (batch !== undefined || task === undefined || pollCount !== MISSING_BATCH_POLLS) return;
    const names = task.containers.map(({ name }) => name).join(', ');
    const wanted = this.#config.batch === undefined ? 'a container to observe' : this.#config.batch;
    this.#ports.log.warn(
      {},
      `${wanted} has not started yet; the task has ${names} (FARGAUGE_BATCH and FARGAUGE_CONTAINERS name others)`,
    );
  }

  async #cutPollsAtDeadline(): Promise<void> {
    const { clock, endpoint } = this.#ports;
    await clock.sleep(this.#lastPollsMs(), this.#shutdown.giveUp);
    endpoint.abort();
  }

  /** Aborts delivery when its time is over: from the signal on, whenever that comes; at once on the second one. */
  async #armDeadline(deadline: AbortController): Promise<void> {
    const { clock } = this.#ports;
    const { stop, giveUp } = this.#shutdown;
    if (!stop.aborted) await clock.sleep(OWN_EXIT_FLUSH_MS, AbortSignal.any([stop, deadline.signal]));
    const { stoppedAtElapsedMs } = this.#shutdown;
    if (stoppedAtElapsedMs !== undefined && !deadline.signal.aborted) {
      const endsAtMs = stoppedAtElapsedMs + this.#stopBudgetMs() - LAST_WORDS_MS - WAY_OUT_MS;
      await clock.sleep(Math.max(0, endsAtMs - clock.elapsed()), AbortSignal.any([giveUp, deadline.signal]));
    }
    deadline.abort();
  }

  /** Even after the deadline, and after a second signal, what is left is printed as far as someone reads it. */
  #lastWords(): AbortSignal {
    const end = new AbortController();
    void this.#ports.clock.sleep(LAST_WORDS_MS).then(() => end.abort());
    return end.signal;
  }

  #openSink(): Sink {
    this.#sink ??= this.#ports.openSink(this.#state);
    return this.#sink;
  }

  #write(lines: readonly Line[]): void {
    const outputLines = lines.map((line) => this.#stamp(line));
    if (outputLines.length > 0) this.#openSink().write(outputLines);
  }

  #stamp(line: Line): OutputLine {
    this.#seq += 1;
    const container = line.fields.container;
    return {
      type: line.type,
      timeMs: line.timeMs,
      text: render(line, this.#seq),
      ...(container !== undefined && { container }),
    };
  }

  #droppedLineCount(): number {
    const { stdout } = this.#ports;
    const sink = this.#sink;
    return stdout.droppedLineCount + (sink && sink !== stdout ? sink.droppedLineCount : 0);
  }

  #record(path: string, answer: Asked<unknown>, timeMs: number, elapsedMs: number): void {
    const failure = answer.ok ? undefined : answer.failure.kind;
    this.#writeRecord({ path, body: answer.body, failure }, timeMs, elapsedMs);
  }

  #recordSettings(): void {
    const { clock } = this.#ports;
    const { batch, summaryIntervalMs, samples } = this.#state.settings;
    const { pollIntervalMs } = this.#config;
    const settings = {
      pollIntervalMs,
      summaryIntervalMs,
      samples,
      ...(batch !== undefined && { batch: { Name: batch } }),
    };
    this.#writeRecord({ path: 'config', body: JSON.stringify(settings) }, clock.now(), clock.elapsed());
  }

  #recordSignal(): void {
    const { clock } = this.#ports;
    this.#writeRecord({ path: 'signal', body: '"SIGTERM"' }, clock.now(), clock.elapsed());
  }

  #writeRecord(recordable: Recordable, timeMs: number, elapsedMs: number): void {
    const { recorder, stdout } = this.#ports;
    if (recorder === undefined) return;
    const { settings, pollCount } = this.#state;
    const common: LineFields = {
      fargaugeVersion: settings.version,
      cpuArchitecture: settings.cpuArchitecture,
      elapsedMs: Math.round(elapsedMs),
      pollCount,
    };
    stdout.write(recorder.record(recordable, timeMs, common).map((line) => this.#stamp(line)));
  }

  /** Each trouble of the endpoint is told when it begins, when it changes and when it ends, not at every poll. */
  #noteFailures(answers: readonly (Answer<Samples> | Answer<Task> | undefined)[]): void {
    const { log } = this.#ports;
    const failures = answers.flatMap((answer) => (answer?.ok === false ? [answer.failure] : []));
    this.#throttledPolls = failures.some(({ status }) => status === 429) ? this.#throttledPolls + 1 : 0;
    const failure = failures[0];
    const trouble = failure && `${failure.kind} ${failure.status}`;
    if (failure && trouble !== this.#lastTrouble) {
      log.warn({ kind: failure.kind }, `task metadata endpoint: ${failure.message}`);
    }
    if (!failure && this.#lastTrouble !== undefined) log.info({}, 'task metadata endpoint: answers again');
    this.#lastTrouble = trouble;
  }

  /** 1, 3, 7, … ticks after each answer 429 in a row. */
  #ticksToSkip(): number {
    return Math.min(2 ** this.#throttledPolls - 1, MAX_SKIPPED_TICKS);
  }
}

/** Whether a second request is worth while: not to an endpoint that is away, silent or throttling. */
function mayAnswer(stats: Answer<Samples>): boolean {
  if (stats.ok) return true;
  const { kind, status } = stats.failure;
  return kind !== 'unreachable' && kind !== 'timeout' && status !== 429;
}
