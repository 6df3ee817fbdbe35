/**
 * Answers of the task metadata endpoint, kept as files: one folder per shape with `poll-N.task.json` and
 * `poll-N.stats.json` as the endpoint would send them (`poll-N.self.json`: the root, asked once on EC2), and in
 * `fixture.json` what they show and when they were asked. The text is parsed here and nowhere else, as the client
 * does it, so that a limit of 2^64 - 1 goes through JSON.parse too.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '../../src/core/line.ts';
import { ALL_CONTAINERS } from '../../src/core/selection.ts';
import { finish, initialState, type Settings, type State, step } from '../../src/core/state.ts';
import type { Answer, Poll } from '../../src/core/types.ts';
import { parseContainer, parseSamples, parseTask } from '../../src/endpoint/schema.ts';

const FOLDER = join(import.meta.dirname, '../fixtures');

interface FixtureFile {
  readonly about: string;
  /** The last part of the endpoint's path: on Fargate the sidecar's own id. */
  readonly endpointId?: string;
  readonly settings?: Partial<Settings>;
  /** When each poll was asked. */
  readonly polledAt: readonly string[];
  readonly finishedAt: string;
}

/** A line as its reader sees it. */
export type ParsedLine = Readonly<Record<string, string | number>> & { readonly type: string };

/** The bodies of one poll's answers, as text. */
export interface RecordedPoll {
  readonly polledAtMs: number;
  readonly elapsedMs: number;
  readonly task: string | undefined;
  readonly stats: string | undefined;
  readonly self: string | undefined;
}

export interface Fixture {
  readonly shape: string;
  readonly settings: Settings;
  readonly polls: readonly RecordedPoll[];
  readonly finishedAtMs: number;
  readonly finishedAtElapsedMs: number;
}

/** Every shape there is a folder for. */
export const SHAPES: readonly string[] = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, 'fixture.json')))
  .map(({ name }) => name)
  .toSorted();

export function readFixture(shape: string): Fixture {
  const folder = join(FOLDER, shape);
  const file = JSON.parse(readFileSync(join(folder, 'fixture.json'), 'utf8')) as FixtureFile;
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined;
  const firstMs = Date.parse(file.polledAt[0] ?? file.finishedAt);
  return {
    shape,
    settings: {
      version: '0.0.0',
      cpuArchitecture: 'X86_64',
      containers: ALL_CONTAINERS,
      summaryIntervalMs: 60_000,
      samples: false,
      endpointId: file.endpointId,
      ...file.settings,
    },
    polls: file.polledAt.map((at, index) => ({
      polledAtMs: Date.parse(at),
      elapsedMs: Date.parse(at) - firstMs,
      task: read(`poll-${index + 1}.task.json`),
      stats: read(`poll-${index + 1}.stats.json`),
      self: read(`poll-${index + 1}.self.json`),
    })),
    finishedAtMs: Date.parse(file.finishedAt),
    finishedAtElapsedMs: Date.parse(file.finishedAt) - firstMs,
  };
}

/** What the loop makes of the answers of one poll. */
export function pollOf({ polledAtMs, elapsedMs, task, stats, self }: RecordedPoll): Poll {
  const own = self === undefined ? undefined : parseContainer(JSON.parse(self));
  return {
    polledAtMs,
    answeredAtMs: polledAtMs,
    elapsedMs,
    ...(task !== undefined && { task: answer(parseTask(JSON.parse(task))) }),
    ...(stats !== undefined && { stats: answer(parseSamples(JSON.parse(stats))) }),
    ...(own && { self: { name: own.name, id: own.id } }),
  };
}

function answer<T>(value: T | undefined): Answer<T> {
  if (value !== undefined) return { ok: true, value };
  return { ok: false, failure: { kind: 'wrong-shape', message: 'not the expected document' } };
}

/** Steps over all polls; returns the state before the end, and the lines until then. */
export function stepThrough({ settings, polls }: Fixture): { state: State; lines: string[] } {
  const state = initialState(settings);
  const lines: string[] = [];
  for (const poll of polls) {
    for (const line of step(state, pollOf(poll))) lines.push(render(line, lines.length + 1));
  }
  return { state, lines };
}

/** Every line of the run, as text. */
export function linesOf(fixture: Fixture): string[] {
  const { state, lines } = stepThrough(fixture);
  const tally = { missedPollCount: 0, droppedLineCount: 0 };
  for (const line of finish(state, fixture.finishedAtMs, fixture.finishedAtElapsedMs, tally)) {
    lines.push(render(line, lines.length + 1));
  }
  return lines;
}

/** The lines of one type, parsed. */
export function parsedLinesOf(fixture: Fixture, type: string): ParsedLine[] {
  return linesOf(fixture)
    .map((text) => JSON.parse(text) as ParsedLine)
    .filter((line) => line.type === type);
}

/** The lines that a person has checked; `npm run golden` writes them anew, and the diff is there to be read. */
export function goldenPath(shape: string): string {
  return join(FOLDER, shape, 'expected.golden.jsonl');
}
