import { beforeAll, describe } from 'vitest';
import type { LoadedIndex } from '../kibana/loaded-index.ts';
import { loadLines } from '../support/bulk-load.ts';
import { dayOfRuns } from '../support/day-of-runs.ts';
import { runningEngines } from '../support/search-engines.ts';
import { itDrawsWhatIsTrue } from './dashboard.ts';

const LINES = dayOfRuns().flatMap(({ lines }) => lines);

describe.each(runningEngines())('the dashboard over a day of 10,000 runs on $label', (engine) => {
  let at: LoadedIndex;

  beforeAll(async () => {
    at = { url: engine.url, index: await loadLines(engine, 'dashboards-', LINES) };
  });

  itDrawsWhatIsTrue(LINES, () => at);
});
