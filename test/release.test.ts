import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..');
const WORKFLOWS = join(ROOT, '.github/workflows');

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: unknown;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const source = readFileSync(join(WORKFLOWS, 'release.yml'), 'utf8');
const workflow = parse(source) as Workflow;
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

function jobCalled(name: string): Job {
  const job = workflow.jobs[name];
  if (job === undefined) throw new Error(`there is no job ${name}`);
  return job;
}

/** A job and all those that must have succeeded before it. */
function prerequisites(name: string): readonly string[] {
  const needs = [jobCalled(name).needs ?? []].flat();
  return [...new Set([...needs, ...needs.flatMap(prerequisites)])].toSorted();
}

function inputsOf(job: string, action: string): Readonly<Record<string, unknown>> | undefined {
  return jobCalled(job).steps.find(({ uses }) => uses?.startsWith(`${action}@`))?.with;
}

describe('the release', () => {
  it('is one workflow, for tags that look like versions', () => {
    expect(readdirSync(WORKFLOWS)).toEqual(['release.yml']);
    expect(workflow.on).toEqual({ push: { tags: ['v*'] } });
  });

  it('runs no action but at a commit, with the version beside it and always the same', () => {
    const used = [...source.matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(([, use = '']) => use);
    expect(used.length).toBeGreaterThan(5);
    for (const use of used) expect(use).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    const actions = new Set(used.map((use) => use.split('@')[0]));
    expect(new Set(used).size).toBe(actions.size);
  });

  it('lets each job do what it must and no more', () => {
    expect(workflow.permissions).toEqual({});
    const permissions = Object.entries(workflow.jobs).map(([name, job]) => [name, job.permissions]);
    expect(Object.fromEntries(permissions)).toEqual({
      test: { contents: 'read' },
      package: { contents: 'read' },
      image: { contents: 'read', packages: 'write' },
      npm: { 'id-token': 'write' },
    });
  });

  it('leaves no credentials behind for what it runs', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.map((step) => step.with?.['persist-credentials'])).toEqual([false, false, false]);
    expect(source).not.toContain('secrets.');
  });

  it('writes no expression into a script, where a name could be a command', () => {
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });

  it('publishes only what was tested, and to npm last', () => {
    expect(prerequisites('image')).toEqual(['package', 'test']);
    expect(prerequisites('npm')).toEqual(['image', 'package', 'test']);
    expect(jobCalled('test').steps.map(({ run }) => run)).toContain('npm test');
  });

  it('tries the very tarball that it publishes', () => {
    const commands = jobCalled('package').steps.map(({ run }) => run);
    expect(commands.slice(-3, -1)).toEqual(['npm pack', 'npm run test:package -- fargauge-*.tgz']);
    expect(inputsOf('package', 'actions/upload-artifact')).toMatchObject({ path: 'fargauge-*.tgz' });
    const { name } = inputsOf('package', 'actions/upload-artifact') ?? {};
    expect(inputsOf('npm', 'actions/download-artifact')).toEqual({ name });
  });

  it('runs nothing of the repository where it can ask for a token of npm', () => {
    const { steps: own } = jobCalled('npm');
    expect(own.filter(({ uses }) => uses?.startsWith('actions/checkout@'))).toEqual([]);
    expect(own.flatMap(({ run }) => run ?? []).join()).not.toMatch(/npm (ci|install|run|test|exec)|npx/);
  });

  it('makes the image for both architectures, with where it comes from and what is in it', () => {
    expect(inputsOf('image', 'docker/build-push-action')).toMatchObject({
      platforms: 'linux/amd64,linux/arm64',
      push: true,
      provenance: 'mode=max',
      sbom: true,
    });
  });

  it('runs on the Node that the tests run on', () => {
    const versions = steps.flatMap((step) => step.with?.['node-version'] ?? []);
    expect(new Set(versions)).toEqual(new Set([manifest.devDependencies.node]));
  });
});

describe('the scripts of the release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fargauge-release-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'npm'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });

  function run(script: string | undefined, variables: Readonly<Record<string, string>>) {
    const output = join(folder, 'output');
    writeFileSync(output, '');
    // As GitHub runs it.
    const options = ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script ?? ''];
    const { status, stdout } = spawnSync('bash', options, {
      cwd: ROOT,
      env: {
        PATH: [folder, process.env.PATH].join(delimiter),
        GITHUB_OUTPUT: output,
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    return { status, stdout, output: readFileSync(output, 'utf8') };
  }

  const scriptOf = (job: string, part: string) =>
    jobCalled(job).steps.find(({ run: script }) => script?.includes(part))?.run;
  const tagCheck = scriptOf('package', 'package.json');

  it('take the tag of the version in package.json', () => {
    expect(run(tagCheck, { GITHUB_REF_NAME: `v${manifest.version}` })).toEqual({
      status: 0,
      stdout: '',
      output: `version=${manifest.version}\n`,
    });
  });

  it.each(['v0.0.0', manifest.version, `v${manifest.version}-rc.1`, 'v$(id)', 'v" = x -o "'])(
    'refuse the tag %s',
    (tag) => {
      const { status, stdout, output } = run(tagCheck, { GITHUB_REF_NAME: tag });
      expect({ status, output }).toEqual({ status: 1, output: '' });
      expect(stdout).toBe(
        `::error::the tag is ${tag}, but package.json says ${manifest.version}: tag it v${manifest.version}\n`,
      );
    },
  );

  it.each([
    ['1.2.3', 'latest'],
    ['1.2.3-rc.1', 'next'],
  ])('publish %s as %s', (version, tag) => {
    expect(run(scriptOf('npm', 'npm publish'), { VERSION: version })).toMatchObject({
      status: 0,
      stdout: `publish ./fargauge-${version}.tgz --provenance --access public --tag ${tag}\n`,
    });
  });

  it('name the image in lower case', () => {
    expect(run(scriptOf('image', 'ghcr.io'), { GITHUB_REPOSITORY: 'Some-One/Fargauge' })).toMatchObject({
      status: 0,
      output: 'name=ghcr.io/some-one/fargauge\n',
    });
  });
});
