import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const { TARBALL, OLDEST_NODE, OLDEST_CDK, TYPESCRIPT_5 } = process.env;
if (!TARBALL || !OLDEST_NODE || !OLDEST_CDK || !TYPESCRIPT_5)
  throw new Error('TARBALL is not set: run these tests with npm run test:package');

const ROOT = join(import.meta.dirname, '../..');
const TYPESCRIPT = join(ROOT, 'node_modules/.bin/tsc');
const TASK_DEFINITION = join(ROOT, 'task-definitions/fargate-batch.json');

/** An empty folder, as a user has it, in which the tarball is installed. */
const folder = mkdtempSync(join(tmpdir(), 'fargauge-package-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // It has no dependencies, so nothing is asked for.
  execFileSync('npm', ['install', '--silent', '--offline', TARBALL], { cwd: folder, stdio: 'pipe' });
});

function packed(): readonly string[] {
  return execFileSync('tar', ['--list', '--gzip', '--file', String(TARBALL)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
    .toSorted();
}

describe('the tarball', () => {
  it('holds dist, the task definitions, README and licence, and nothing else', () => {
    expect(packed()).toEqual([
      'LICENSE',
      'README.md',
      'dist/NOTICES.txt',
      'dist/cdk.cjs',
      'dist/cdk.d.cts',
      'dist/cli.cjs',
      'dist/cloudwatch-logs.cjs',
      'dist/html-page.cjs',
      'dist/indexer.cjs',
      'dist/notifier.cjs',
      'dist/report-log-groups.cjs',
      'dist/sidecar.cjs',
      'dist/subscription.cjs',
      'package.json',
      'task-definitions/README.md',
      'task-definitions/ec2-awsvpc.json',
      'task-definitions/ec2-bridge.json',
      'task-definitions/fargate-batch-sharp.json',
      'task-definitions/fargate-batch.json',
      'task-definitions/fargate-spot-sidecar-first.json',
      'task-definitions/task-role-policy.json',
    ]);
  });

  it('brings no other package with it, and runs nothing when it is installed', () => {
    const { dependencies, scripts } = JSON.parse(
      readFileSync(join(folder, 'node_modules/fargauge/package.json'), 'utf8'),
    );
    expect(dependencies).toBeUndefined();
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    const installed = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
    expect(Object.keys(installed.packages)).toEqual(['', 'node_modules/fargauge']);
  });
});

const PINNED_CDK = join(ROOT, 'node_modules');
const AGES = [
  ['the pinned Node and CDK', process.execPath, PINNED_CDK],
  ['the oldest Node and CDK', OLDEST_NODE, OLDEST_CDK],
] as const;

describe.each(AGES)('the installed package under %s', (_, node, cdk) => {
  function run(program: string, ...args: readonly string[]) {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: folder,
      env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) },
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  }
  const fargauge = (...args: readonly string[]) => run('node_modules/.bin/fargauge', ...args);

  it('tells its version', () => {
    expect(fargauge('--version')).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('runs a command and reports of it', () => {
    const { status, stdout } = fargauge('run', '--output', '-', '--', 'node', '-e', 'process.exitCode = 3');
    expect(status).toBe(3);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(report).toMatchObject({ type: 'REPORT', job: 'node', status: 'failure', exitCode: 3 });
    expect(report.durationMs).toBeGreaterThan(0);
  });

  it('prints a task definition with the sidecar, and without', () => {
    const without = fargauge('inject', '--remove', TASK_DEFINITION);
    expect(without).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(join(folder, 'task.json'), without.stdout);
    expect(JSON.parse(fargauge('inject', 'task.json').stdout)).toEqual(
      JSON.parse(readFileSync(TASK_DEFINITION, 'utf8')),
    );
  });

  it('has a construct for programs of both kinds of module', () => {
    linkCdk(cdk);
    writeFileSync(join(folder, 'stack.mjs'), `${IMPORTS}${STACK}`);
    writeFileSync(join(folder, 'stack.cjs'), `${REQUIRES}${STACK}`);
    for (const file of ['stack.mjs', 'stack.cjs']) {
      const { status, stdout, stderr } = run(node, file);
      expect({ file, status, stderr }).toEqual({ file, status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual(['batch', 'fargauge']);
    }
  });
});

describe('the command under a Node that is too old', () => {
  const [, oldest = ''] = manifest.engines.node.match(/>=(.*)/) ?? [];

  it.each(['20.19.9', '22.18.9'])('says so: %s', (version) => {
    const pretence = join(folder, 'pretence.cjs');
    writeFileSync(
      pretence,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });\n` +
        `Object.defineProperty(process, 'version', { value: 'v${version}' });\n`,
    );
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--require', pretence, 'node_modules/fargauge/dist/cli.cjs', '--version'],
      { cwd: folder, encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `fargauge needs Node ${oldest} or later; this is v${version}\n`,
    });
  });
});

/** The optional peers, as a CDK app has them. */
function linkCdk(packages: string): void {
  for (const name of ['aws-cdk-lib', 'constructs']) {
    rmSync(join(folder, 'node_modules', name), { force: true });
    symlinkSync(join(packages, name), join(folder, 'node_modules', name));
  }
}

const IMPORTS = `import { App, Stack } from 'aws-cdk-lib';
import { ContainerImage, FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { FargaugeExtension } from 'fargauge/cdk';
`;
const REQUIRES = IMPORTS.replaceAll(/import (\{.*\}) from ('.*');/g, 'const $1 = require($2);');
const STACK = `
const app = new App({ outdir: 'cdk.out' });
const task = new FargateTaskDefinition(new Stack(app, 'Stack'), 'Task', { cpu: 256, memoryLimitMiB: 512 });
const image = ContainerImage.fromRegistry('registry/image');
task.addContainer('batch', { image });
task.addExtension(new FargaugeExtension({ image, order: 'sidecar-first' }));
const { Resources } = app.synth().getStackByName('Stack').template;
const [properties] = Object.values(Resources).flatMap(({ Type, Properties }: any) =>
  Type === 'AWS::ECS::TaskDefinition' ? [Properties] : []);
console.log(JSON.stringify(properties.ContainerDefinitions.map(({ Name }: any) => Name)));
`.replaceAll(': any', '');

describe('the types of fargauge/cdk', () => {
  it.each([
    ['TypeScript 5', 'in a CommonJS program', TYPESCRIPT_5, ['--module', 'node16']],
    // Which knows nothing of `exports`.
    ['TypeScript 5', 'with its old resolution', TYPESCRIPT_5, ['--module', 'commonjs']],
    ["the project's TypeScript", 'in a module', TYPESCRIPT, ['--module', 'nodenext']],
    ["the project's TypeScript", 'in a bundled program', TYPESCRIPT, ['--module', 'esnext']],
  ])('are what %s takes %s, and refuse what is wrong', (_, kind, compiler, options) => {
    linkCdk(PINNED_CDK);
    const file = kind === 'in a module' ? 'types.mts' : 'types.ts';
    writeFileSync(join(folder, file), `${IMPORTS}${EXTENSIONS}`);
    const { stdout } = spawnSync(
      process.execPath,
      [compiler, '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', ...options, file],
      { cwd: folder, encoding: 'utf8' },
    );
    const errors = stdout.split('\n').filter((line) => /^\S/.test(line));
    expect(errors).toEqual([
      expect.stringMatching(/^types\.m?ts\(6,80\): error TS2322: Type '"first"' is not/),
    ]);
  });
});

const EXTENSIONS = `export const all = [App, Stack, FargateTaskDefinition];
export const right = (image: ContainerImage) => new FargaugeExtension({ image, order: 'sidecar-first' });
export const wrong = (image: ContainerImage) => new FargaugeExtension({ image, order: 'first' });
`;
