/**
 * `npm run bench`: what the sidecar costs, each figure against bare Node started beside it. It judges medians and
 * nothing else, and a figure beyond its target is a figure, not a failure: the exit code is 0 unless something broke.
 *
 *   node scripts/bench.ts [--minutes N] [--json]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import build from '../test/support/build.ts';
import { measureDelivery } from './bench/delivery.ts';
import type { Figure } from './bench/figure.ts';
import { verdict } from './bench/figure.ts';
import { measureFootprint } from './bench/footprint.ts';
import { measureStart } from './bench/start.ts';
import { measureStep } from './bench/step.ts';
import { measureStop } from './bench/stop.ts';
import { figureTable, tickGainTable } from './bench/table.ts';
import { measureThroughput } from './bench/throughput.ts';
import { measureTickGain, type TickGain } from './bench/tick-gain.ts';

const HELP = `npm run bench -- [--minutes N] [--json]

  --minutes N  how long the footprint is measured, after 30 s to settle (default 1.5)
  --json       the figures as JSON instead of tables
`;
const EXIT_USE = 2;

const START_RUNS = 25;
const STOP_RUNS = 60;
const DELIVERY_RUNS = 200;
const TICK_RUNS = 5_000;
/** EC2 refreshes every second and a little, Fargate every ten. */
const PLATFORMS = [
  { refreshMs: 1_020, jitterMs: 20 },
  { refreshMs: 10_000, jitterMs: 20 },
];

interface Options {
  readonly minutes: number;
  readonly json: boolean;
}

interface Bench {
  readonly figures: readonly Figure[];
  readonly tickGains: readonly TickGain[];
}

async function measure({ minutes }: Options): Promise<Bench> {
  progress('building dist/');
  build();
  progress(`footprint: 30 s to settle, then ${minutes} min`);
  const footprint = await measureFootprint(minutes);
  progress(`start: ${START_RUNS} runs beside ${START_RUNS} of bare Node`);
  const start = await measureStart(START_RUNS);
  progress(`stop: ${STOP_RUNS} runs each`);
  const stop = await measureStop(STOP_RUNS);
  progress(`stop with CloudWatch Logs: ${DELIVERY_RUNS} runs`);
  const delivery = await measureDelivery(DELIVERY_RUNS);
  progress('lines to CloudWatch Logs at full speed');
  const throughput = await measureThroughput();
  progress('step');
  const step = await measureStep();
  progress(`aligned ticks: ${TICK_RUNS} simulated runs each`);
  const tickGains = PLATFORMS.map((platform) => measureTickGain(platform, TICK_RUNS));
  return { figures: [...footprint, ...start, ...stop, ...delivery, ...throughput, ...step], tickGains };
}

function progress(text: string): void {
  console.error(`bench: ${text}`);
}

function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '1.5' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return undefined;
    }
    const minutes = Number(values.minutes);
    if (!(minutes > 0 && Number.isFinite(minutes))) {
      throw new Error(`--minutes ${values.minutes}: must be a number above 0`);
    }
    return { minutes, json: values.json };
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n\n${HELP}`);
    process.exitCode = EXIT_USE;
    return undefined;
  }
}

function print({ figures, tickGains }: Bench, { json }: Options): void {
  const machine = {
    node: process.version,
    arch: process.arch,
    cpu: cpus()[0]?.model,
    cpuCount: cpus().length,
  };
  if (json) {
    const judged = figures.map((figure) => ({ ...figure, verdict: verdict(figure) }));
    console.log(JSON.stringify({ machine, figures: judged, tickGains }, undefined, 2));
    return;
  }
  console.log(
    `Node ${machine.node}, ${machine.arch}, ${machine.cpuCount} × ${machine.cpu}. MB: 1,048,576 bytes.\n`,
  );
  console.log(figureTable(figures));
  console.log('\nFrom the last sample that was polled to the end of the run, mean of simulated runs\n');
  console.log(tickGainTable(tickGains));
}

const options = readOptions();
if (options) print(await measure(options), options);
