import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { LineType } from '../core/fields.ts';
import { type Line, render } from '../core/line.ts';
import { ALL_CONTAINERS } from '../core/selection.ts';
import { finish, initialState, type Settings, type State, step } from '../core/state.ts';
import type { Answer, Failure, Poll } from '../core/types.ts';
import { parseContainer, parseSamples, parseTask } from '../endpoint/schema.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { parseCommandLine } from './command-line.ts';

export const replayCommand: Command = {
  name: 'replay',
  summary: 'print the lines that a recording gives',
  help: `Usage: fargauge replay FILE

Prints the lines that the sidecar would have written for a recording made with FARGAUGE_RECORD=true: its RECORD
lines, as they stand in the sidecar's own log. FILE may hold other lines between them; - is stdin. A recording has
the endpoint's answers alone: of a run that was sampled in /proc too, the lines are those without.

Options:
  --help    show this text
`,
  async run(argv, streams) {
    const { positionals } = parseCommandLine(argv, {});
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) {
      streams.stderr.write('fargauge replay: name one file, or - for stdin. See fargauge replay --help\n');
      return EXIT_USE;
    }
    return replayFile(file, streams);
  },
};

async function replayFile(file: string, { stdin, stdout, stderr }: Streams): Promise<number> {
  const input = file === '-' ? stdin : createReadStream(file);
  const replay = new Replay();
  try {
    for await (const text of createInterface({ input })) replay.read(text);
  } catch (error) {
    stderr.write(`fargauge replay: cannot read ${file}: ${error instanceof Error ? error.message : error}\n`);
    return EXIT_USE;
  }
  if (replay.recordCount === 0) {
    stderr.write(
      `fargauge replay: ${file} holds no RECORD line. Record with FARGAUGE_RECORD=true in the sidecar's environment.\n`,
    );
    return EXIT_USE;
  }
  for (const text of replay.end()) stdout.write(`${text}\n`);
  if (replay.skippedCount > 0)
    stderr.write(`fargauge replay: ${replay.skippedCount} lines were no RECORD lines\n`);
  return 0;
}

/** One RECORD line as it was written, as far as it is of use here. */
interface RecordLine {
  readonly time: string;
  readonly fargaugeVersion?: string;
  readonly cpuArchitecture?: string;
  readonly path: string;
  readonly elapsedMs: number;
  readonly pollCount: number;
  readonly failure?: Failure['kind'];
  readonly body?: string;
  readonly part?: number;
  readonly partCount?: number;
}

/** What the sidecar recorded of its own configuration. */
interface RecordedConfig {
  readonly pollIntervalMs: number;
  readonly summaryIntervalMs: number;
  readonly samples: boolean;
  readonly batch: { readonly Name: string };
}

/** The answers of one poll, gathered from the lines that tell of it. */
interface RecordedPoll {
  readonly timeMs: number;
  readonly elapsedMs: number;
  readonly pollCount: number;
  readonly answers: Map<string, Answer<unknown>>;
}

/** Feeds a recording through the same core as the sidecar. */
export class Replay {
  recordCount = 0;
  skippedCount = 0;
  readonly #lines: string[] = [];
  #seq = 0;
  #state: State | undefined;
  #poll: RecordedPoll | undefined;
  #parts: string[] = [];
  #pollIntervalMs = 1_000;
  #lastMoment: { timeMs: number; elapsedMs: number } | undefined;

  /** Takes one line of the file. */
  read(text: string): void {
    const record = parseRecord(text);
    if (record === undefined) {
      if (text.trim() !== '') this.skippedCount += 1;
      return;
    }
    this.recordCount += 1;
    if (record.part !== undefined && record.part < (record.partCount ?? 1)) {
      this.#parts.push(record.body ?? '');
      return;
    }
    const body = record.body === undefined ? undefined : [...this.#parts, record.body].join('');
    this.#parts = [];
    this.#take(record, body);
  }

  /** Ends the run as the sidecar did and returns all lines. */
  end(): readonly string[] {
    this.#finishPoll();
    const { timeMs, elapsedMs } = this.#lastMoment ?? { timeMs: 0, elapsedMs: 0 };
    const tally = { missedPollCount: 0, droppedLineCount: 0 };
    this.#write(finish(this.#stateFor({}), timeMs, elapsedMs, tally));
    return this.#lines;
  }

  #take(record: RecordLine, body: string | undefined): void {
    const timeMs = Date.parse(record.time);
    if (record.path === 'config') {
      const config = (parseJson(body) ?? {}) as Partial<RecordedConfig>;
      this.#pollIntervalMs = config.pollIntervalMs ?? this.#pollIntervalMs;
      this.#state = initialState(settingsOf(record, config));
      return;
    }
    if (this.#poll?.elapsedMs !== record.elapsedMs) this.#finishPoll();
    this.#lastMoment = { timeMs, elapsedMs: record.elapsedMs };
    if (record.path === 'signal') return;
    this.#stateFor(record);
    this.#poll ??= { timeMs, elapsedMs: record.elapsedMs, pollCount: record.pollCount, answers: new Map() };
    this.#poll.answers.set(record.path, answerOf(record, body));
  }

  #finishPoll(): void {
    const poll = this.#poll;
    if (poll === undefined) return;
    this.#poll = undefined;
    const state = this.#stateFor({});
    this.#stepThroughUnchangedPolls(state, poll);
    state.pollCount = poll.pollCount;
    const self = answered(poll, '/', parseContainer);
    const task = answered(poll, '/task', parseTask);
    const stats = answered(poll, '/task/stats', parseSamples);
    const complete: Poll = {
      polledAtMs: poll.timeMs,
      answeredAtMs: poll.timeMs,
      elapsedMs: poll.elapsedMs,
      ...(task && { task }),
      ...(stats && { stats }),
      ...(self?.ok && { self: self.value }),
    };
    this.#write(step(state, complete));
  }

  /**
   * Polls that brought nothing new are not in a recording, but windows ended in them all the same: one that ended
   * well before the next recorded poll did so in such a poll.
   */
  #stepThroughUnchangedPolls(state: State, poll: RecordedPoll): void {
    while (state.nextSummaryAtElapsedMs !== undefined && state.settings.summaryIntervalMs > 0) {
      const elapsedMs = state.nextSummaryAtElapsedMs;
      if (poll.elapsedMs - elapsedMs < 1.5 * this.#pollIntervalMs) return;
      const timeMs = poll.timeMs - (poll.elapsedMs - elapsedMs);
      this.#write(step(state, { polledAtMs: timeMs, answeredAtMs: timeMs, elapsedMs }));
    }
  }

  #stateFor(record: Partial<RecordLine>): State {
    this.#state ??= initialState(settingsOf(record, {}));
    return this.#state;
  }

  #write(lines: readonly Line[]): void {
    for (const line of lines) {
      this.#seq += 1;
      this.#lines.push(render(line, this.#seq));
    }
  }
}

function parseRecord(text: string): RecordLine | undefined {
  // `aws logs tail` and its like put a time and a stream before the line.
  const value = parseJson(text.slice(Math.max(0, text.indexOf('{'))));
  if (typeof value !== 'object' || value === null) return undefined;
  const line = value as Partial<RecordLine> & { type?: LineType };
  if (line.type !== 'RECORD' || typeof line.path !== 'string' || typeof line.time !== 'string')
    return undefined;
  if (typeof line.elapsedMs !== 'number' || Number.isNaN(Date.parse(line.time))) return undefined;
  return {
    ...line,
    path: line.path,
    time: line.time,
    elapsedMs: line.elapsedMs,
    pollCount: line.pollCount ?? 0,
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

function answerOf(record: RecordLine, body: string | undefined): Answer<unknown> {
  if (record.failure !== undefined)
    return { ok: false, failure: { kind: record.failure, message: record.failure } };
  return { ok: true, value: parseJson(body) };
}

function answered<T>(
  { answers }: RecordedPoll,
  path: string,
  parse: (document: unknown) => T | undefined,
): Answer<T> | undefined {
  const answer = answers.get(path);
  if (answer === undefined || !answer.ok) return answer;
  const value = parse(answer.value);
  if (value !== undefined) return { ok: true, value };
  return { ok: false, failure: { kind: 'wrong-shape', message: path } };
}

function settingsOf(record: Partial<RecordLine>, recorded: Partial<RecordedConfig>): Settings {
  return {
    version: record.fargaugeVersion ?? 'unknown',
    cpuArchitecture: record.cpuArchitecture,
    batch: recorded.batch?.Name,
    // The recorder marks by name what FARGAUGE_CONTAINERS left out.
    containers: { ...ALL_CONTAINERS, exclude: ['unobserved-*'] },
    summaryIntervalMs: recorded.summaryIntervalMs ?? 60_000,
    samples: recorded.samples ?? false,
  };
}
