import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { installPythonTool } from '../python-tool.ts';

/** What all tools say of one job; hours and USD to the digits that they have. */
export type Figures = Readonly<Record<FigureName, number>>;

const SPREADS = ['durationMs', 'avgCpuPercent', 'maxCpuPercent', 'maxMemoryUsedMB'] as const;
type SpreadName = `${(typeof SPREADS)[number]}_${'p50' | 'p95' | 'max'}`;
type FigureName =
  | 'runCount'
  | 'failureCount'
  | 'outOfMemoryCount'
  | 'reservedVcpuHours'
  | 'wastedVcpuHours'
  | 'wastedGBHours'
  | 'usd'
  | SpreadName;

/** One program that aggregates the file. */
export interface Tool {
  readonly name: string;
  readonly command: readonly string[];
  /** Reads its answer. @param output the file with its stdout */
  figures(output: string): Promise<ReadonlyMap<string, Figures>>;
}

const CLI = join(import.meta.dirname, '../../dist/cli.cjs');

/** @param lines the file of lines @param folder for what tools write beside their stdout */
export function fargauge(lines: string): Tool {
  return {
    name: 'fargauge report',
    command: [process.execPath, CLI, 'report', lines, '--format', 'json'],
    async figures(output) {
      const { jobs } = JSON.parse(readFileSync(output, 'utf8')) as { jobs: readonly ReportedJob[] };
      return new Map(jobs.map((job) => [job.job, figuresOfReport(job)]));
    },
  };
}

interface ReportedJob {
  readonly job: string;
  readonly runCount: number;
  readonly failureCount: number;
  readonly outOfMemoryCount: number;
  readonly use: { reservedVcpuHours: number; wastedVcpuHours: number; wastedGBHours: number };
  readonly cost: { usd: number };
}

function figuresOfReport(job: ReportedJob): Figures {
  const { runCount, failureCount, outOfMemoryCount, use, cost } = job;
  const spreads = job as unknown as Record<string, Record<string, number>>;
  return {
    runCount,
    failureCount,
    outOfMemoryCount,
    reservedVcpuHours: use.reservedVcpuHours,
    wastedVcpuHours: use.wastedVcpuHours,
    wastedGBHours: use.wastedGBHours,
    usd: cost.usd,
    ...(Object.fromEntries(
      SPREADS.flatMap((name) =>
        ['p50', 'p95', 'max'].map((point) => [`${name}_${point}`, spreads[name]?.[point]]),
      ),
    ) as Record<SpreadName, number>),
  };
}

/** Sums by the DSL, which writes them to a file of its own; the percentiles by stats1, so that only they are kept. */
const MLR_SUMS = (path: string): string => `
  begin {
    @usdPerVcpuHour = {"X86_64": 0.04048, "ARM64": 0.03238};
    @usdPerGBHour = {"X86_64": 0.004445, "ARM64": 0.00356};
  }
  num vcpuHours = $cpuSizeUnits / 1024 * $billedDurationMs / 3600000;
  num gbHours = $memorySizeMB / 1024 * $billedDurationMs / 3600000;
  @sum[$job]["runCount"] += 1;
  @sum[$job]["failureCount"] += $status == "failure" ? 1 : 0;
  @sum[$job]["outOfMemoryCount"] += is_present($errorType) && $errorType == "OutOfMemory" ? 1 : 0;
  @sum[$job]["reservedVcpuHours"] += vcpuHours;
  @sum[$job]["wastedVcpuHours"] += vcpuHours - $cpuTimeMs / 3600000;
  @sum[$job]["wastedGBHours"] += gbHours - $avgMemoryUsedMB / 1024 * $durationMs / 3600000;
  @sum[$job]["usd"] += vcpuHours * @usdPerVcpuHour[$cpuArchitecture] + gbHours * @usdPerGBHour[$cpuArchitecture];
  end { emit > "${path}", @sum, "job" }
`;

/** Miller, as Debian has it: `apt-get install miller`. */
export function miller(lines: string, folder: string): Tool {
  const sums = join(folder, 'mlr-sums.jsonl');
  const percentiles = ['stats1', '-a', 'p50,p95,max', '-f', SPREADS.join(','), '-g', 'job'];
  return {
    name: 'mlr',
    command: [
      'mlr',
      '--ijsonl',
      '--ojsonl',
      'filter',
      '$type == "REPORT"',
      'then',
      'put',
      MLR_SUMS(sums),
      'then',
      ...percentiles,
      lines,
    ],
    async figures(output) {
      const made = await rowsByJob(output);
      for (const [job, row] of await rowsByJob(sums)) made.set(job, { ...made.get(job), ...row });
      return made as unknown as ReadonlyMap<string, Figures>;
    },
  };
}

const DUCKDB_VERSION = '2.0.0';
const DUCKDB_COLUMNS: Readonly<Record<string, string>> = {
  type: 'VARCHAR',
  job: 'VARCHAR',
  status: 'VARCHAR',
  errorType: 'VARCHAR',
  cpuArchitecture: 'VARCHAR',
  durationMs: 'BIGINT',
  billedDurationMs: 'BIGINT',
  cpuSizeUnits: 'BIGINT',
  memorySizeMB: 'BIGINT',
  cpuTimeMs: 'BIGINT',
  avgCpuPercent: 'DOUBLE',
  maxCpuPercent: 'DOUBLE',
  avgMemoryUsedMB: 'BIGINT',
  maxMemoryUsedMB: 'BIGINT',
};

/** DuckDB by its Python package: told which columns to read, and with all processors. */
export function duckdb(lines: string): Tool {
  const columns = Object.entries(DUCKDB_COLUMNS).map(([name, type]) => `${name}: '${type}'`);
  const spreads = SPREADS.flatMap((name) => [
    `quantile_disc(${name}, 0.5) AS ${name}_p50`,
    `quantile_disc(${name}, 0.95) AS ${name}_p95`,
    `max(${name}) AS ${name}_max`,
  ]);
  const sql = `
    WITH runs AS (
      SELECT *, cpuSizeUnits / 1024 * billedDurationMs / 3600000 AS vcpuHours,
        memorySizeMB / 1024 * billedDurationMs / 3600000 AS gbHours, cpuArchitecture = 'ARM64' AS isArm
      FROM read_json('${lines}', format = 'newline_delimited', columns = {${columns.join(', ')}})
      WHERE type = 'REPORT'
    )
    SELECT job, count(*) AS runCount, count(*) FILTER (status = 'failure') AS failureCount,
      count(*) FILTER (errorType = 'OutOfMemory') AS outOfMemoryCount, sum(vcpuHours) AS reservedVcpuHours,
      sum(vcpuHours - cpuTimeMs / 3600000) AS wastedVcpuHours,
      sum(gbHours - avgMemoryUsedMB / 1024 * durationMs / 3600000) AS wastedGBHours,
      sum(vcpuHours * if(isArm, 0.03238, 0.04048)::DOUBLE + gbHours * if(isArm, 0.00356, 0.004445)::DOUBLE) AS usd,
      ${spreads.join(', ')}
    FROM runs GROUP BY job`;
  const program = `
import duckdb, json, sys
# Of a query that takes seconds it would draw a bar into the rows.
duckdb.execute('SET enable_progress_bar = false')
rows = duckdb.sql(sys.argv[1])
for row in rows.fetchall(): print(json.dumps(dict(zip(rows.columns, row))))`;
  return {
    name: `duckdb ${DUCKDB_VERSION}`,
    command: [join(installPythonTool(`duckdb==${DUCKDB_VERSION}`), 'python'), '-c', program, sql],
    figures: async (output) => (await rowsByJob(output)) as unknown as ReadonlyMap<string, Figures>,
  };
}

async function rowsByJob(path: string): Promise<Map<string, Record<string, number>>> {
  const rows = new Map<string, Record<string, number>>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { job, ...row } = JSON.parse(line) as { job: string } & Record<string, number>;
    rows.set(job, row);
  }
  return rows;
}

/** One run of a tool. */
export interface ToolRun {
  readonly wallSeconds: number;
  /** User and system, of all its threads. */
  readonly cpuSeconds: number;
  readonly peakRssMB: number;
}

const LOOK_MS = 20;
const TICKS_PER_SECOND = 100;

/**
 * Runs a tool to its end. Peak and CPU time are the kernel's own figures (VmHWM, utime and stime), looked at every 20 ms:
 * what comes in the last of them is not seen.
 * @param output the file for its stdout
 * @throws Error when it fails
 */
export async function runTool({ name, command }: Tool, output: string): Promise<ToolRun> {
  const [program = '', ...args] = command;
  const startedAtMs = performance.now();
  const descriptor = openSync(output, 'w');
  const child = spawn(program, args, { stdio: ['ignore', descriptor, 'inherit'] });
  closeSync(descriptor);
  let peakRssMB = 0;
  let cpuSeconds = 0;
  const looking = setInterval(() => {
    const look = lookAt(child.pid);
    if (look !== undefined) ({ peakRssMB, cpuSeconds } = look);
  }, LOOK_MS);
  try {
    const [exitCode] = await once(child, 'close');
    if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}`);
    return { wallSeconds: (performance.now() - startedAtMs) / 1_000, cpuSeconds, peakRssMB };
  } finally {
    clearInterval(looking);
  }
}

/** Undefined once it is gone. */
function lookAt(pid: number | undefined): { peakRssMB: number; cpuSeconds: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const peakKB = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    // After the name in brackets: state is the 3rd field, utime the 14th, stime the 15th (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (peakKB === undefined) return undefined;
    return {
      peakRssMB: Number(peakKB) / 1_024,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}
