import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseLine } from '../../src/core/parsed-line.ts';
import { bulkBody } from '../../src/subscription/bulk-request.ts';
import { lineDocument } from '../../src/subscription/document.ts';
import { indexTemplate } from '../../src/subscription/index-template.ts';
import { dayOfRuns } from '../../test/support/day-of-runs.ts';
import { delivered } from '../../test/support/deliveries.ts';
import { askEngine } from '../../test/support/search-engines.ts';
import type { SearchEngine } from '../search-engine.ts';

/** One round: all documents put into the engine. */
export interface Took {
  readonly elapsedMs: number;
  /** Of who puts them in, user and system. */
  readonly cpuMs: number;
}

/**
 * - `curl`: the forwarder's own requests, ready made, by curl: the floor.
 * - `forwarder`: deliveries through the function's file.
 * - `sample`: deliveries in the way of the function that AWS's console makes.
 */
export type Way = 'curl' | 'forwarder' | 'sample';
export const WAYS: readonly Way[] = ['curl', 'forwarder', 'sample'];

export const DOCUMENT_COUNT = 10_000;
export const DELIVERY_EVENTS = 250;

/** Each way puts the same lines into empty indices, one way after the other, as often as there are rounds. */
export async function measureIndexing(
  engine: SearchEngine,
  rounds: number,
  onRound: (round: number) => void,
): Promise<ReadonlyMap<Way, readonly Took[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-indexing-'));
  const deliveries = lines();
  const file = join(folder, 'events.jsonl');
  writeFileSync(file, `${deliveries.map((each) => JSON.stringify(delivered(each))).join('\n')}\n`);
  const bodies = deliveries.map((each, at) => {
    const body = join(folder, `${at}.ndjson`);
    writeFileSync(body, bulkBody(each.map(documentOf)));
    return body;
  });
  await askEngine(engine, 'PUT', '/_index_template/fargauge', indexTemplate());
  const programs = { forwarder: startProgram('forwarder'), sample: startProgram('sample') };
  const runs: Record<Way, () => Promise<Took>> = {
    curl: async () => curl(bodies),
    forwarder: (await programs.forwarder).run,
    sample: (await programs.sample).run,
  };

  async function startProgram(way: Way) {
    const program = fork(join(import.meta.dirname, 'indexing-program.ts'), [way, engine.url, file]);
    await once(program, 'message');
    const run = async (): Promise<Took> => {
      program.send('go');
      const [took] = (await once(program, 'message')) as [Took];
      return took;
    };
    return { run, stop: () => program.disconnect() };
  }

  /** One process, one connection; bash tells its times. */
  function curl(files: readonly string[]): Took {
    const requests = files.map(
      (each) =>
        `-H 'content-type: application/x-ndjson' --data-binary @${each} '${engine.url}/_bulk' -o /dev/null --fail`,
    );
    const script = `TIMEFORMAT='%3R %3U %3S'; time curl --silent ${requests.join(' --next --silent ')}`;
    const output = execFileSync('bash', ['-c', `{ ${script}; } 2>&1`], { encoding: 'utf8' });
    const [elapsed = 0, user = 0, system = 0] = output.trim().split(' ').map(Number);
    return { elapsedMs: elapsed * 1_000, cpuMs: (user + system) * 1_000 };
  }

  const took = new Map<Way, Took[]>(WAYS.map((way) => [way, []]));
  try {
    // The first round warms all up, and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      onRound(round);
      // Whoever is first meets a quiet engine: each is in its turn.
      for (let place = 0; place < WAYS.length; place += 1) {
        const way = WAYS[(round + place) % WAYS.length] as Way;
        await askEngine(engine, 'DELETE', '/fargauge-2026.06.*,cwl-*');
        const each = await runs[way]();
        await requireDocuments(engine, way);
        if (round > 0) took.get(way)?.push(each);
      }
    }
  } finally {
    for (const program of Object.values(programs)) (await program).stop();
    rmSync(folder, { recursive: true });
  }
  return took;
}

/** A round that lost something is no round. */
async function requireDocuments(engine: SearchEngine, way: Way): Promise<void> {
  const indices = way === 'sample' ? 'cwl-*' : 'fargauge-2026.06.*';
  await askEngine(engine, 'POST', `/${indices}/_refresh`);
  const { body } = await askEngine<{ count: number }>(engine, 'GET', `/${indices}/_count`);
  if (body.count !== DOCUMENT_COUNT) throw new Error(`${way}: ${body.count} of ${DOCUMENT_COUNT} documents`);
}

/** Of all jobs of the day, in deliveries. */
function lines(): string[][] {
  const all = dayOfRuns().flatMap((run) => run.lines);
  const step = Math.floor(all.length / DOCUMENT_COUNT);
  const some = all.filter((_, at) => at % step === 0).slice(0, DOCUMENT_COUNT);
  return Array.from({ length: DOCUMENT_COUNT / DELIVERY_EVENTS }, (_, at) =>
    some.slice(at * DELIVERY_EVENTS, (at + 1) * DELIVERY_EVENTS),
  );
}

function documentOf(line: string) {
  const parsed = parseLine(line);
  if (parsed.kind !== 'line') throw new Error(`no line: ${line}`);
  return lineDocument(parsed.line, line);
}
