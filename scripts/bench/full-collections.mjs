/**
 * Loaded before a program (`node --import`), has V8 collect all garbage `?every=` ms and tells on stderr what is left:
 * what the program keeps. By itself V8 lets garbage lie in a small old generation for hours.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const everyMs = Number(new URL(import.meta.url).searchParams.get('every'));
if (!(everyMs > 0)) throw new Error(`?every=${everyMs}: must be a number above 0`);
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(() => {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ keptBytes: heapUsed + external })}\n`);
}, everyMs).unref();
