/** Times the core's work on fresh samples of ten containers, as an endpoint serves them; prints StepTimes as JSON. */
import { ALL_CONTAINERS } from '../../src/core/selection.ts';
import { initialState, type Settings, type State, step } from '../../src/core/state.ts';
import type { Poll, Samples, Task } from '../../src/core/types.ts';
import { parseSamples, parseTask } from '../../src/endpoint/schema.ts';
import { startSimulatedTask } from '../../test/support/simulated-task.ts';
import type { StepTimes } from './step.ts';

const CONTAINER_COUNT = 10;
const POLL_COUNT = 1_000;
/** Polls before the first that counts: by then all code has run often enough to be as fast as it gets. */
const WARM_UP_COUNT = 300;

/** An answer of `/task/stats` as text, and when it was in. */
interface Recorded {
  readonly text: string;
  readonly answeredAtMs: number;
  readonly elapsedMs: number;
}

const settings: Settings = {
  version: '0.0.0',
  containers: ALL_CONTAINERS,
  summaryIntervalMs: 60_000,
  samples: false,
};

/** Distinct answers, each container with a new sample in each. */
async function recordAnswers(): Promise<{ task: Task; answers: Recorded[] }> {
  const names = Array.from({ length: CONTAINER_COUNT }, (_, index) =>
    index === 0 ? 'fargauge' : `container-${index}`,
  );
  const endpoint = await startSimulatedTask({
    containers: names.map((name) => ({ name })),
    // Below the time of one request, so that each answer has a new sample of every container.
    refreshMs: 0.1,
    size: { vcpu: 4, memoryMiB: 8_192 },
  });
  const { ECS_CONTAINER_METADATA_URI_V4: uri } = endpoint.environment('v4');
  const ask = async (path: string): Promise<string> => (await fetch(`${uri}${path}`)).text();
  const task = parseTask(JSON.parse(await ask('/task')));
  if (task === undefined) throw new Error('the simulated task does not parse');
  const answers: Recorded[] = [];
  while (answers.length < POLL_COUNT + WARM_UP_COUNT) {
    const text = await ask('/task/stats');
    answers.push({ text, answeredAtMs: Date.now(), elapsedMs: performance.now() });
  }
  await endpoint.close();
  return { task, answers };
}

function parse({ text }: Recorded): Samples {
  const samples = parseSamples(JSON.parse(text));
  if (samples === undefined) throw new Error('simulated stats do not parse');
  return samples;
}

function pollOf({ answeredAtMs, elapsedMs }: Recorded, samples: Samples): Poll {
  return { polledAtMs: answeredAtMs, answeredAtMs, elapsedMs, stats: { ok: true, value: samples } };
}

/** A run whose metadata is known already. */
function startedState(task: Task): State {
  const state = initialState(settings);
  const self = task.containers.find(({ name }) => name === 'fargauge');
  const nowMs = Date.now();
  step(state, {
    polledAtMs: nowMs,
    answeredAtMs: nowMs,
    elapsedMs: performance.now(),
    task: { ok: true, value: task },
    ...(self && { self }),
  });
  if (state.batch === undefined) throw new Error('the simulated task has no batch');
  return state;
}

/** How long `work` takes for each answer after the warm-up, µs. */
function timeEach<T>(
  answers: readonly Recorded[],
  prepare: (answer: Recorded) => T,
  work: (prepared: T) => void,
): number[] {
  const timesUs = answers.map((answer) => {
    const prepared = prepare(answer);
    const startedAtMs = performance.now();
    work(prepared);
    return (performance.now() - startedAtMs) * 1000;
  });
  return timesUs.slice(WARM_UP_COUNT).map((timeUs) => Math.round(timeUs * 10) / 10);
}

const { task, answers } = await recordAnswers();
const stepState = startedState(task);
const wholeState = startedState(task);
const times: StepTimes = {
  stepUs: timeEach(
    answers,
    (answer) => pollOf(answer, parse(answer)),
    (poll) => step(stepState, poll),
  ),
  parseAndStepUs: timeEach(
    answers,
    (answer) => answer,
    (answer) => step(wholeState, pollOf(answer, parse(answer))),
  ),
};
if (stepState.batch?.usage.pointCount !== answers.length) throw new Error('not every sample was fresh');
console.log(JSON.stringify(times));
