import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { injectCommand } from '../../src/cli/inject.ts';
import { described } from '../deploy/task-definitions.ts';

const ROOT = join(import.meta.dirname, '../..');
const WITH = join(ROOT, 'task-definitions/fargate-batch.json');
const folder = mkdtempSync(join(tmpdir(), 'fargauge-inject-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function inject(argv: readonly string[], input = ''): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await injectCommand.run(argv, { stdin: Readable.from([input]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

function file(content: string): string {
  const path = join(folder, 'task.json');
  writeFileSync(path, content);
  return path;
}

const { stdout: WITHOUT } = await inject(['--remove', WITH]);

describe('fargauge inject', () => {
  it('prints the task definition with the sidecar and leaves the file alone', async () => {
    const path = file(WITHOUT);
    const { exitCode, stdout, stderr } = await inject([path]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(WITH, 'utf8')));
    expect(readFileSync(path, 'utf8')).toBe(WITHOUT);
  });

  it('reads stdin', async () => {
    expect(await inject(['-'], WITHOUT)).toEqual(await inject([file(WITHOUT)]));
  });

  it('reads what Windows PowerShell redirected into a file', async () => {
    const path = join(folder, 'powershell.json');
    writeFileSync(path, `\uFEFF${WITHOUT}`, 'utf16le');
    expect(await inject([path])).toEqual(await inject(['-'], WITHOUT));
  });

  it('takes its options', async () => {
    const options = ['--container', 'nightly-batch', '--image', 'registry/fargauge:2', '--stop-timeout=40'];
    const { stdout } = await inject(['-', ...options, '--order', 'sidecar-first'], WITHOUT);
    const [batch, sidecar] = JSON.parse(stdout).containerDefinitions;
    expect(batch.dependsOn).toEqual([{ containerName: 'fargauge', condition: 'START' }]);
    expect(sidecar).toMatchObject({ image: 'registry/fargauge:2', stopTimeout: 40 });
    expect(sidecar).not.toHaveProperty('dependsOn');
  });

  it('tells warnings on stderr and prints all the same', async () => {
    const { exitCode, stdout, stderr } = await inject(['-'], WITHOUT.replace('960', '1024'));
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).containerDefinitions).toHaveLength(2);
    expect(stderr).toMatch(/^fargauge inject: warning: -: cpu is 1024, .* lower it to 960\n$/);
  });
});

describe('fargauge inject --check', () => {
  it('is content with a sidecar as it should be', async () => {
    expect(await inject(['--check', WITH])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it.each([
    ['missing', WITHOUT, []],
    ['stale', readFileSync(WITH, 'utf8').replace('65532:65532', '0'), []],
    ['asked to be another', readFileSync(WITH, 'utf8'), ['--stop-timeout', '60']],
  ])('exits with 1 when it is %s', async (_, source, options) => {
    expect(await inject(['--check', '-', ...options], source)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'fargauge inject: -: the sidecar is missing or not as it should be; --diff shows the difference\n',
    });
  });

  it('with --remove asks whether it is gone', async () => {
    expect(await inject(['--check', '--remove', '-'], WITHOUT)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await inject(['--check', '--remove', WITH])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('the sidecar is still there'),
    });
  });
});

describe('fargauge inject --diff', () => {
  it('prints what a patch program takes', async () => {
    const { exitCode, stdout } = await inject(['--diff', '-'], WITHOUT);
    expect(exitCode).toBe(0);
    writeFileSync(join(folder, '-'), WITHOUT);
    const patch = spawnSync('git', ['apply', '-p0'], { cwd: folder, input: stdout, encoding: 'utf8' });
    expect(patch).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(folder, '-'), 'utf8')).toBe((await inject(['-'], WITHOUT)).stdout);
  });

  it("of describe-task-definition's answer prints what the sidecar changes, and no more", async () => {
    const { stdout } = await inject(['--diff', '-'], described(JSON.parse(WITHOUT)));
    const removed = stdout.split('\n').filter((line) => line.startsWith('-'));
    expect(removed.map((line) => line.trim())).toEqual(['--- -']);
    expect(
      await inject(['--diff', '--check', '-'], described(JSON.parse(readFileSync(WITH, 'utf8')))),
    ).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('prints nothing when there is nothing to do, and counts with --check', async () => {
    expect(await inject(['--diff', '--check', WITH])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    const { exitCode, stdout } = await inject(['--diff', '--check', '-'], WITHOUT);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('+      "name": "fargauge",\n');
  });
});

describe('wrong use of fargauge inject', () => {
  it.each([
    [[], 'name one file, or - for stdin'],
    [['a', 'b'], 'name one file, or - for stdin'],
    [['-', '--order', 'first'], '--order first is not allowed: it must be batch-first or sidecar-first'],
    [
      ['-', '--stop-timeout', '1'],
      '--stop-timeout 1 is not allowed: it must be a whole number from 2 to 120',
    ],
    [['-', '--stop-timeout', '30s'], '--stop-timeout 30s is not allowed'],
    [['-', '--image', ''], '--image "" is not allowed: it must not be empty or hold spaces'],
    [['-', '--remove', '--image', 'x'], '--image makes no sense with --remove'],
    [['/nowhere/task.json'], 'cannot read /nowhere/task.json: ENOENT'],
    [['-'], '-: it is empty'],
    [['-', '--container', 'x'], '-: it is empty'],
  ])('%j exits with 2 and says why', async (argv, message) => {
    const { exitCode, stdout, stderr } = await inject(argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`fargauge inject: ${message}`);
  });

  it('is told by the command line too', () => {
    const cli = (...argv: string[]) =>
      spawnSync(process.execPath, [join(ROOT, 'src/cli/cli.ts'), 'inject', ...argv], { encoding: 'utf8' });
    expect(cli('--dry-run')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('--dry-run'),
    });
    expect(cli('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Usage: fargauge inject/),
    });
  });

  it('is not a reader that goes away, as in `| head -1`', () => {
    const environment = Array.from({ length: 9_000 }, (_, each) => ({ name: `V${each}`, value: 'v' }));
    const [batch] = JSON.parse(WITHOUT).containerDefinitions;
    const path = file(JSON.stringify({ containerDefinitions: [{ ...batch, environment }] }, null, 2));
    const command = `'${process.execPath}' '${join(ROOT, 'src/cli/cli.ts')}' inject '${path}' | head -1`;
    expect(spawnSync('bash', ['-o', 'pipefail', '-c', command], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: '{\n',
      stderr: expect.not.stringContaining('EPIPE'),
    });
  });
});
