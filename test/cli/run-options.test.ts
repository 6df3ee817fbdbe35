import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRunOptions } from '../../src/cli/run-options.ts';
import { FARGATE_SIZES } from '../../src/core/fargate-sizes.ts';

const optionsOf = (...argv: string[]) => {
  const parsed = parseRunOptions(argv);
  return parsed.ok ? parsed.options : parsed.problems;
};
const problemsOf = (...argv: string[]): string => {
  const parsed = parseRunOptions(argv);
  return parsed.ok ? '' : parsed.problems.join('\n');
};

describe('the options of fargauge run', () => {
  it('are none for a command alone, which gives the batch its name', () => {
    expect(optionsOf('--', './jobs/nightly.sh', '--fast', '--', '--name')).toEqual({
      name: 'nightly-sh',
      refreshMs: 1000,
      command: './jobs/nightly.sh',
      commandArguments: ['--fast', '--', '--name'],
    });
  });

  it('are all taken', () => {
    const options = [
      '--name',
      'n_1',
      '--job=tuesday run',
      '--cpu',
      '512',
      '--memory',
      '2048',
      '--output',
      '-',
    ];
    expect(optionsOf(...options, '--refresh-ms', '10000', '--', 'true')).toEqual({
      name: 'n_1',
      job: 'tuesday run',
      size: { cpuUnits: 512, memoryMiB: 2048 },
      refreshMs: 10_000,
      output: '-',
      command: 'true',
      commandArguments: [],
    });
  });

  it('name the batch so that ECS would take the name, and never as the sidecar', () => {
    for (const command of ['/usr/bin/fargauge', '/', 'fargauge']) {
      expect(optionsOf('--', command)).toMatchObject({ name: 'batch' });
    }
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (command) => {
        expect(optionsOf('--', command)).toMatchObject({
          name: expect.stringMatching(/^[A-Za-z0-9_-]{1,255}$/),
        });
      }),
    );
  });

  it('want a command after --', () => {
    for (const argv of [[], ['--'], ['./nightly.sh'], ['--name', 'x'], ['--', '']]) {
      expect(problemsOf(...argv)).toContain('fargauge run -- ./nightly.sh');
    }
    expect(problemsOf('nightly', '--', 'true')).toContain('"nightly" is no option');
    expect(problemsOf('--nmae', 'x', '--', 'true')).toContain('--nmae');
  });

  it.each(['', 'a b', 'fargauge', 'x'.repeat(256), 'ä'])('refuse the name %j', (name) => {
    expect(problemsOf(`--name=${name}`, '--', 'true')).toContain(
      '1 to 255 letters, digits, hyphens and underscores',
    );
  });

  it.each(['99', '60001', '1e3', '-5', '', '1000.5', 'soon'])('refuse to refresh every %j ms', (value) => {
    expect(problemsOf(`--refresh-ms=${value}`, '--', 'true')).toContain('a whole number from 100 to 60000');
  });

  it('take every size that Fargate sells', () => {
    for (const { cpuUnits, memoryMiB } of FARGATE_SIZES) {
      const options = optionsOf('--cpu', `${cpuUnits}`, '--memory', `${memoryMiB}`, '--', 'true');
      expect(options).toMatchObject({ size: { cpuUnits, memoryMiB } });
    }
  });

  it('refuse a size that Fargate does not sell, and name the nearest', () => {
    expect(problemsOf('--cpu', '256', '--memory', '600', '--', 'true')).toBe(
      'Fargate sells no task with --cpu 256 --memory 600; the nearest are --cpu 256 --memory 512, ' +
        '--cpu 256 --memory 1024, --cpu 256 --memory 2048',
    );
  });

  it('want both parts of a size, as numbers', () => {
    expect(problemsOf('--cpu', '256', '--', 'true')).toContain('both --cpu and --memory');
    expect(problemsOf('--memory', '512', '--', 'true')).toContain('both --cpu and --memory');
    for (const cpu of ['0.25', '0', 'x', '']) {
      expect(problemsOf(`--cpu=${cpu}`, '--memory', '512', '--', 'true'), cpu).toContain('whole numbers');
    }
  });

  it('are refused with every problem at once', () => {
    expect(
      problemsOf('--name', '?', '--refresh-ms', '1', '--cpu', '1', '--', 'true').split('\n'),
    ).toHaveLength(3);
  });
});
