import { describe, expect, it } from 'vitest';
import { parseLocalOptions } from '../../src/cli/local-options.ts';

const parse = (argv: readonly string[], env = {}) => parseLocalOptions(argv, env);
const problems = (argv: readonly string[], env = {}) => {
  const parsed = parse(argv, env);
  return parsed.ok ? [] : parsed.problems;
};

describe('fargauge local takes', () => {
  it('a task definition, renewed every second and strict by default', () => {
    expect(parse(['task.json'])).toEqual({
      ok: true,
      options: {
        kind: 'task',
        file: 'task.json',
        images: [],
        environment: [],
        refreshMs: 1000,
        isLenient: false,
      },
    });
  });

  it('images and variables for its containers', () => {
    const argv = [
      ...['--image', 'batch=registry:5000/team/batch:1', '--env', 'A=1', '--env', 'batch:B=x:y=z'],
      ...['--env', 'EMPTY=', '--env', 'TOKEN', '--env', 'batch:TOKEN'],
      ...['--refresh-ms', '10000', '--lenient', 'task.json'],
    ];
    expect(parse(argv, { TOKEN: 'secret' })).toMatchObject({
      ok: true,
      options: {
        images: [{ container: 'batch', image: 'registry:5000/team/batch:1' }],
        environment: [
          { name: 'A', value: '1' },
          { container: 'batch', name: 'B', value: 'x:y=z' },
          { name: 'EMPTY', value: '' },
          { name: 'TOKEN', value: 'secret' },
          { container: 'batch', name: 'TOKEN', value: 'secret' },
        ],
        refreshMs: 10_000,
        isLenient: true,
      },
    });
  });

  it('a value of several lines', () => {
    expect(parse(['--env', 'KEY=a\nb', '-'])).toMatchObject({
      options: { file: '-', environment: [{ name: 'KEY', value: 'a\nb' }] },
    });
  });

  it('a port for containers that run already', () => {
    expect(
      parse(['--port', '8080', '--host', '172.17.0.1', '--filter', 'label=a', '--filter', 'label=b=c']),
    ).toEqual({
      ok: true,
      options: {
        kind: 'endpoint',
        host: '172.17.0.1',
        port: 8080,
        labels: ['a', 'b=c'],
        refreshMs: 1000,
      },
    });
    expect(parse(['--port', '0'])).toMatchObject({ options: { host: '127.0.0.1', port: 0, labels: [] } });
  });
});

describe('fargauge local refuses', () => {
  it.each<[readonly string[], RegExp]>([
    [[], /^give a task definition, as in: fargauge local taskdef\.json, or --port/],
    [['a.json', 'b.json'], /^"b\.json" is one file too many$/],
    [['a.json', '--port', '1'], /^--port is for containers that run already, without a\.json$/],
    [['a.json', '--filter', 'label=a'], /^--filter is for containers that run already/],
    [['--port', '1', '--image', 'a=b'], /^--image is for a task definition$/],
    [['--port', '1', '--lenient'], /^--lenient is for a task definition$/],
    [['--port', '65536'], /^--port 65536 is not allowed: it must be a whole number from 0 to 65535$/],
    [['--port', '1', '--filter', 'name=a'], /^--filter name=a is not allowed: it must be label=NAME or/],
    [['a.json', '--refresh-ms', '999'], /^--refresh-ms 999 is not allowed: .* from 1000 to 60000$/],
    [['a.json', '--image', 'batch'], /^--image batch is not allowed: it must be CONTAINER=IMAGE$/],
    [['a.json', '--env', '=x'], /^--env =x is not allowed: it must be NAME=VALUE/],
    [['a.json', '--env', 'TOKEN'], /^--env TOKEN: TOKEN is not set here; give its value$/],
    [['a.json', '--envs', 'A=1'], /there is no option --envs. Did you mean --env\?/],
  ])('%j', (argv, problem) => {
    expect(problems(argv)).toEqual([expect.stringMatching(problem)]);
  });

  it('with every problem at once', () => {
    expect(problems(['a.json', '--refresh-ms', 'x', '--image', 'y', '--env', 'Z'])).toHaveLength(3);
  });
});
