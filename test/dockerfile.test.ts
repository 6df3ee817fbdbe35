import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import lock from '../package-lock.json' with { type: 'json' };
import { SIDECAR_ENVIRONMENT, SIDECAR_V8_FLAGS } from '../src/cli/sidecar-program.ts';

const ROOT = join(import.meta.dirname, '..');

interface Instruction {
  readonly keyword: string;
  readonly value: string;
}

/** Comments out, continued lines joined: one instruction per line. */
function parse(dockerfile: string): readonly Instruction[] {
  return dockerfile
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [keyword = '', ...words] = line.trim().split(/\s+/);
      return { keyword: keyword.toUpperCase(), value: words.join(' ') };
    });
}

function valuesOf(keyword: string, instructions: readonly Instruction[]): readonly string[] {
  return instructions.filter((each) => each.keyword === keyword).map(({ value }) => value);
}

const instructions = parse(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
const finalStart = instructions.findLastIndex(({ keyword }) => keyword === 'FROM');
const buildStart = instructions.findIndex(({ keyword }) => keyword === 'FROM');
const globalArguments = instructions.slice(0, buildStart);
const buildStage = instructions.slice(buildStart, finalStart);
const finalStage = instructions.slice(finalStart);

describe('the image', () => {
  it('starts Node itself, without a shell, with the flags that `fargauge run` gives the sidecar', () => {
    expect(valuesOf('ENTRYPOINT', finalStage).map((json) => JSON.parse(json))).toEqual([
      ['/usr/local/bin/node', ...SIDECAR_V8_FLAGS, '/opt/fargauge/sidecar.cjs'],
    ]);
    expect(valuesOf('CMD', finalStage)).toEqual([]);
  });

  it('has only flags that its Node knows', () => {
    const { status, stderr } = spawnSync(process.execPath, [...SIDECAR_V8_FLAGS, '--eval', '0'], {
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('has the Node that the tests run on', () => {
    const [image = ''] = valuesOf('ARG', globalArguments).filter((value) => value.startsWith('NODE_IMAGE='));
    expect(image.split(':').at(-1)).toMatch(new RegExp(`^${manifest.devDependencies.node}-`));
    expect(process.version).toBe(`v${manifest.devDependencies.node}`);
  });

  it('takes both of its bases as arguments, with tagged defaults', () => {
    expect(valuesOf('FROM', instructions)).toEqual(['$NODE_IMAGE AS build', '$RUNTIME_IMAGE']);
    const defaults = valuesOf('ARG', globalArguments).map((value) => value.split('='));
    expect(defaults.map(([name]) => name)).toEqual(['NODE_IMAGE', 'RUNTIME_IMAGE']);
    for (const [, image = ''] of defaults)
      expect(image).toMatch(/^[a-z0-9.-]+\/[a-z0-9/-]+:(?!latest)[\w.-]+$/);
  });

  it('is the same for every architecture, and finds the tools that build it for both', () => {
    expect(instructions.map(({ keyword, value }) => `${keyword} ${value}`).join('\n')).not.toMatch(
      /amd64|arm64|x86|x64|aarch|--platform/i,
    );
    const packages = Object.keys(lock.packages);
    for (const cpu of ['x64', 'arm64']) expect(packages).toContain(`node_modules/@esbuild/linux-${cpu}`);
  });

  it('runs as a number other than root, and stops by SIGTERM', () => {
    expect(valuesOf('USER', finalStage)).toEqual(['65532:65532']);
    expect(valuesOf('STOPSIGNAL', finalStage)).toEqual(['SIGTERM']);
  });

  it('runs nothing, downloads nothing and opens nothing in its final stage', () => {
    const allowed = ['FROM', 'ARG', 'LABEL', 'ENV', 'COPY', 'USER', 'STOPSIGNAL', 'ENTRYPOINT'];
    const settings = Object.entries(SIDECAR_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
    expect(valuesOf('ENV', finalStage)).toEqual([settings.join(' ')]);
    expect(finalStage.filter(({ keyword }) => !allowed.includes(keyword))).toEqual([]);
  });

  it('carries Node, the two bundles, the licences and nothing else', () => {
    expect(valuesOf('COPY', finalStage)).toEqual([
      '--from=build /build/node /usr/local/bin/node',
      '--from=build /build/dist/sidecar.cjs /build/dist/cloudwatch-logs.cjs /build/dist/NOTICES.txt /opt/fargauge/',
      'LICENSE /opt/fargauge/',
    ]);
  });

  it('is labelled as package.json describes it, with the source given at the build', () => {
    const [label = ''] = valuesOf('LABEL', finalStage);
    const labels = [...label.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)];
    expect(Object.fromEntries(labels.map(([, name, value]) => [name, value]))).toEqual({
      title: manifest.name,
      description: manifest.description,
      licenses: manifest.license,
      source: '$SOURCE_URL',
    });
  });
});

describe('the build context', () => {
  const copied = [...buildStage, ...finalStage]
    .filter(({ keyword, value }) => keyword === 'COPY' && !value.startsWith('--from='))
    .flatMap(({ value }) => value.split(' ').slice(0, -1))
    .toSorted();

  it('has everything that is copied from it', () => {
    expect(copied.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('holds what is copied from it and no more', () => {
    const [first, ...excepted] = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    expect(excepted.toSorted()).toEqual(copied.map((path) => `!${path}`).toSorted());
  });
});
