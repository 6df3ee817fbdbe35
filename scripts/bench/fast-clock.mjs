/**
 * Loaded before a program (`node --import`), lets all its clocks and timers run `?speed=N` times as fast, from the
 * moment `&since=` (ms since the epoch) on, so that programs that work together agree on the time. An hour passes in
 * 3,600 / N seconds, and the program does in them all that it does in an hour. What that does not hurry is the work
 * itself: a time-out has N times less room for it. Plain JavaScript, because Node's TypeScript loader would weigh more
 * than the program that is measured.
 */
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';

const { searchParams } = new URL(import.meta.url);
const speed = Number(searchParams.get('speed'));
const sinceMs = Number(searchParams.get('since'));
if (!(speed >= 1)) throw new Error(`?speed=${speed}: must be a number from 1`);

const SystemDate = Date;
const systemElapsed = performance.now.bind(performance);
const { timeOrigin } = performance;
const now = () => sinceMs + (timeOrigin + systemElapsed() - sinceMs) * speed;

globalThis.Date = class extends SystemDate {
  constructor(...args) {
    super(...(args.length === 0 ? [now()] : args));
  }
  static now() {
    return Math.floor(now());
  }
};
performance.now = () => now() - timeOrigin;

const hurried =
  (start) =>
  (callback, ms = 1, ...args) =>
    start(callback, ms / speed, ...args);
for (const name of ['setTimeout', 'setInterval']) {
  timers[name] = Object.assign(hurried(globalThis[name]), globalThis[name]);
  globalThis[name] = timers[name];
}
const sleep = timersPromises.setTimeout;
timersPromises.setTimeout = (ms = 1, ...args) => sleep(ms / speed, ...args);
const timeoutSignal = AbortSignal.timeout;
AbortSignal.timeout = (ms) => timeoutSignal.call(AbortSignal, Math.ceil(ms / speed));
syncBuiltinESMExports();
