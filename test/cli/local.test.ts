import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { local } from '../../src/cli/local.ts';
import { systemClock } from '../../src/clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-local-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The command on a machine where no engine is, with what it said. */
async function run(argv: readonly string[], { input = '', env = {} } = {}) {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const streams = { stdin: Readable.from([input]), stdout, stderr };
  const exitCode = await local(argv, streams, {
    env: { DOCKER_HOST: `unix://${folder}/none.sock`, ...env },
    signals: process,
    clock: systemClock,
  });
  return {
    exitCode,
    stdout: stdout.read() ?? '',
    said: String(stderr.read() ?? '')
      .trimEnd()
      .split('\n'),
  };
}

const definition = (container: object = {}) =>
  JSON.stringify({ family: 'f', containerDefinitions: [{ name: 'batch', image: 'image', ...container }] });

describe('fargauge local, where no engine is', () => {
  it('says so, and where it looked', async () => {
    const file = join(folder, 'task.json');
    writeFileSync(file, definition());
    const { exitCode, said, stdout } = await run([file]);
    expect(exitCode).toBe(125);
    expect(said).toEqual([
      expect.stringContaining(`fargauge local: no Docker Engine answers at unix://${folder}/none.sock`),
    ]);
    expect(stdout).toBe('');
    expect(await run(['--port', '0'])).toMatchObject({ exitCode: 125 });
  });

  it('tells of a task definition first, line by line, from a file or from stdin', async () => {
    const file = join(folder, 'task.json');
    writeFileSync(file, definition({ cpu: -1, memory: 'x' }));
    expect(await run([file])).toMatchObject({
      exitCode: 2,
      said: [
        `fargauge local: ${file}: containerDefinitions[0].cpu is -1: must not be below 0`,
        `fargauge local: ${file}: containerDefinitions[0].memory is "x": must be a whole number`,
      ],
    });
    expect(await run(['-'], { input: '{' })).toMatchObject({
      exitCode: 2,
      said: [expect.stringMatching(/^fargauge local: -: it is not JSON: /)],
    });
  });

  it('shows the way out of what is not possible here', async () => {
    const { exitCode, said } = await run(['-'], { input: definition({ links: ['other'] }) });
    expect(exitCode).toBe(2);
    expect(said).toEqual([
      'fargauge local: -: containerDefinitions[0].links is ["other"]: not possible here',
      'fargauge local: with --lenient, what is not possible here is left out',
    ]);
  });

  it('names a file that cannot be read', async () => {
    const file = join(folder, 'none.json');
    const { exitCode, said } = await run([file]);
    expect(exitCode).toBe(2);
    expect(said[0]).toMatch(`fargauge local: ${file} cannot be read: ENOENT`);
  });

  it('names options for containers that the task does not have, and the nearest that it has', async () => {
    const argv = ['--image', 'bach=other', '--env', 'batchs:A=1', '-'];
    expect(await run(argv, { input: definition() })).toMatchObject({
      exitCode: 2,
      said: [
        'fargauge local: --image: there is no container "bach"; did you mean batch?',
        'fargauge local: --env: there is no container "batchs"; did you mean batch?',
      ],
    });
  });

  it('names all containers where none is near to what an option says', async () => {
    expect(await run(['--image', 'web=other', '-'], { input: definition() })).toMatchObject({
      exitCode: 2,
      said: ['fargauge local: --image: there is no container "web"; there are batch'],
    });
  });

  it('names an engine that it cannot talk to', async () => {
    const { exitCode, said } = await run(['-'], { input: definition(), env: { DOCKER_HOST: 'ssh://there' } });
    expect(exitCode).toBe(2);
    expect(said[0]).toContain('DOCKER_HOST says "ssh://there"');
  });

  it('points to its help when it is called wrongly', async () => {
    const { exitCode, said } = await run([]);
    expect(exitCode).toBe(2);
    expect(said.at(-1)).toBe('fargauge local: see fargauge local --help');
  });
});
