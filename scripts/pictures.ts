/**
 * Draws the pictures of docs/pictures, and says in docs/dashboards.md what they show: `npm run pictures`. A real
 * OpenSearch is started (scripts/search-engine.ts), the tests' day of 10,000 runs is put into it, and Vega draws what it
 * answers. A test compares them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type LoadedIndex, vegaAnswer, vegaRows } from '../test/kibana/loaded-index.ts';
import { loadLines } from '../test/support/bulk-load.ts';
import { DAY, dayOfRuns } from '../test/support/day-of-runs.ts';
import { drawingOf } from './kibana/drawing.ts';
import { PICTURES_PAGE, pageWith, type ShownPicture } from './kibana/page.ts';
import { CPU_USAGE, MEMORY_USAGE } from './kibana/pictures.ts';
import { startSearchEngine } from './search-engine.ts';

const FOLDER = join(import.meta.dirname, '../docs/pictures');

/** By the names of their files. */
const DRAWN = { 'cpu-usage.svg': CPU_USAGE, 'memory-usage.svg': MEMORY_USAGE } as const;

/** What an engine that holds the day makes of them: texts by path. */
export async function pictureFiles(at: LoadedIndex): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const shown: ShownPicture[] = [];
  for (const [fileName, picture] of Object.entries(DRAWN)) {
    const answer = await vegaAnswer(at, picture, DAY);
    files.set(join(FOLDER, fileName), await drawingOf(picture, answer));
    shown.push({ picture, fileName, rows: vegaRows(answer) });
  }
  return files.set(PICTURES_PAGE, pageWith(shown));
}

async function draw(): Promise<void> {
  const lines = dayOfRuns().flatMap((run) => run.lines);
  console.log('starting OpenSearch');
  const engine = await startSearchEngine('opensearch');
  try {
    console.log(`loading ${lines.length} lines`);
    const index = await loadLines(engine, 'fargauge-', lines);
    mkdirSync(FOLDER, { recursive: true });
    for (const [path, text] of await pictureFiles({ url: engine.url, index })) {
      writeFileSync(path, text);
      console.log(`${basename(path)}: ${text.length} bytes`);
    }
  } finally {
    await engine.stop();
  }
}

if (import.meta.main) await draw();
