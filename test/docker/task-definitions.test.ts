import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BATCH_IMAGE, docker, LocalCommand, remains, reportOf, SIDECAR_IMAGE } from './local-command.ts';

const FOLDER = join(import.meta.dirname, '../../task-definitions');
const FILES = globSync('*.json', { cwd: FOLDER }).filter((file) => !file.endsWith('-policy.json'));
const IMAGE = 'fargauge-test/nightly-batch';

/** A batch that works a little every second, and ends well when it is asked to. */
const WORK = `
  process.once('SIGTERM', () => process.exit(143));
  console.log('up');
  setInterval(() => { const end = Date.now() + 100; while (Date.now() < end); }, 1000);`;

beforeAll(() => {
  const change = `ENTRYPOINT ${JSON.stringify(['node', '-e', WORK])}`;
  const [id = ''] = docker('create', BATCH_IMAGE, 'sh');
  docker('commit', '--change', change, id, IMAGE);
  docker('rm', id);
});

afterAll(() => {
  docker('image', 'rm', IMAGE);
  expect(remains()).toEqual([]);
});

describe('fargauge local with a task definition of this repository', () => {
  it.each(FILES)('%s: says which images the engine lacks, and how to give others', async (file) => {
    await using command = new LocalCommand([join(FOLDER, file)]);
    const { exitCode, said } = await command.ended();
    expect(exitCode).toBe(2);
    expect(said).toHaveLength(2);
    expect(said.toSorted()[1]).toMatch(
      /^container "nightly-batch": the engine has no image 1234\S+nightly-batch:latest; .+--image nightly-batch=IMAGE$/,
    );
  });

  it.each(FILES)('%s: runs it at the address of ECS until Ctrl-C, and leaves a REPORT', async (file) => {
    const images = ['--image', `nightly-batch=${IMAGE}`, '--image', `fargauge=${SIDECAR_IMAGE}`];
    await using command = new LocalCommand([...images, join(FOLDER, file)]);
    await command.wrote(/^nightly-batch +\| up$/);
    await command.line('START');
    command.signal('SIGINT');
    const end = await command.ended();
    expect(end.exitCode).toBe(130);
    const { family, requiresCompatibilities } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
    expect(end.said).toContainEqual(
      expect.stringMatching(`^task [0-9a-f]{32} of ${family}, its endpoint at http://169\\.254\\.170\\.2$`),
    );
    expect(reportOf(end), basename(file)).toMatchObject({
      status: 'stopped',
      family,
      launchType: requiresCompatibilities[0],
    });
    expect(remains()).toEqual([]);
  });
});
