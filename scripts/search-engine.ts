/**
 * A real OpenSearch and a real Elasticsearch for tests, benchmarks and pictures: one node on loopback each, from the
 * artifacts of Maven Central, installed once under node_modules/.cache. A JDK of version 17 or later and Maven are
 * needed; on Debian they are installed where they are missing.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { installJavaProgram } from './java-program.ts';

/** Elasticsearch 7.10.2 is the last that Amazon's service offered, and the last under the Apache licence. */
export const SEARCH_ENGINES = {
  opensearch: 'OpenSearch 2.19.1',
  elasticsearch: 'Elasticsearch 7.10.2',
} as const;
export type SearchEngineName = keyof typeof SEARCH_ENGINES;

/** By name, as in the engine's own configuration file: `thread_pool.write.queue_size`. */
export type EngineSettings = Readonly<Record<string, string | number | boolean>>;

export interface SearchEngine {
  readonly name: SearchEngineName;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly processId: number;
  /** Ends the node and removes its data. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 240_000;
/** Enough for what the tests load. */
const HEAP = '512m';

/**
 * Starts a node with no index in it, ready when it answers. It ends with this process at the latest.
 * @param settings added to, or instead of, those that make it a node of its own on a free port
 */
export async function startSearchEngine(
  name: SearchEngineName,
  settings: EngineSettings = {},
): Promise<SearchEngine> {
  const classes = installSearchEngine(name);
  const home = mkdtempSync(join(tmpdir(), `fargauge-${name}-`));
  const all: EngineSettings = {
    'path.home': home,
    'node.name': 'single',
    'cluster.name': 'fargauge-test',
    'discovery.type': 'single-node',
    'network.host': '127.0.0.1',
    'http.port': 0,
    'transport.port': 0,
    // What else fills the machine's disk is none of the tests' business.
    'cluster.routing.allocation.disk.threshold_enabled': false,
    ...settings,
  };
  const log = join(home, 'node.log');
  const logFile = openSync(log, 'w');
  const options = [
    `-Xms${HEAP}`,
    `-Xmx${HEAP}`,
    `-Djava.io.tmpdir=${home}`,
    '-cp',
    `${classes}:${classes}/*`,
  ];
  const java = spawn(
    'java',
    [...options, 'SingleNode', ...Object.entries(all).map(([key, value]) => `${key}=${value}`)],
    { cwd: home, stdio: ['pipe', 'pipe', logFile] },
  );
  closeSync(logFile);
  const ended = once(java, 'exit');
  const stop = async () => {
    java.stdin?.end();
    await ended;
    rmSync(home, { recursive: true });
  };
  try {
    const port = await readPort(java);
    return { name, url: `http://127.0.0.1:${port}`, processId: java.pid ?? 0, stop };
  } catch (error) {
    const end = readFileSync(log, 'utf8').split('\n').slice(-20).join('\n');
    java.kill('SIGKILL');
    await stop();
    throw new Error(`${SEARCH_ENGINES[name]} does not start; the end of its log:\n${end}`, { cause: error });
  }
}

/** The node prints its port when it listens; whatever else it prints comes before. */
async function readPort(java: ChildProcess): Promise<number> {
  if (java.stdout === null) throw new Error('java has no stdout');
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const lines = createInterface({ input: java.stdout, signal });
  for await (const line of lines) {
    const [, port] = line.match(/^port (\d+)$/) ?? [];
    if (port === undefined) continue;
    java.stdout.resume();
    return Number(port);
  }
  throw new Error(signal.aborted ? `nothing within ${START_TIMEOUT_MS} ms` : 'java has ended');
}

/** @returns the folder of its classes */
export function installSearchEngine(name: SearchEngineName): string {
  return installJavaProgram(`search-engine/${name}`, 'SingleNode.java', SEARCH_ENGINES[name]);
}
