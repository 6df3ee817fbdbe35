import type { Clock } from '../clock.ts';
import type { ContainerDocument, Engine } from './docker-engine.ts';
import { lines } from './docker-output.ts';
import { type EngineStats, parseEngineStats } from './docker-stats.ts';

/** A broken stream of stats is opened anew after this, then after twice this, … as the agent does (1 to 10 s). */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

/** Takes a container's stats as they come, until `end` aborts. A stream that breaks is opened anew. */
export async function followStats(
  engine: Engine,
  id: string,
  take: (stats: EngineStats) => void,
  clock: Clock,
  end: AbortSignal,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!end.aborted) {
    try {
      for await (const line of lines(await engine.stats(id, end))) {
        take(parseEngineStats(line));
        pauseMs = FIRST_PAUSE_MS;
      }
    } catch (error) {
      if (!isBroken(error)) throw error;
    }
    await clock.sleep(pauseMs, end);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** The connection or the engine failed, and not what reads the stream. */
function isBroken(error: unknown): boolean {
  return error instanceof Error && (error.name.startsWith('Engine') || 'code' in error);
}

const INSPECT_MS = 500;

/** Looks at a container again and again, until `end` aborts. */
export async function followState(
  engine: Engine,
  id: string,
  look: (document: ContainerDocument) => void,
  clock: Clock,
  end: AbortSignal,
): Promise<void> {
  while (!end.aborted) {
    const document = await engine.container(id);
    if (document && !end.aborted) look(document);
    await clock.sleep(INSPECT_MS, end);
  }
}
