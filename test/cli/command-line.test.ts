import { describe, expect, it } from 'vitest';
import { parseCommandLine, UseError } from '../../src/cli/command-line.ts';

const OPTIONS = {
  'stop-timeout': { type: 'string' },
  diff: { type: 'boolean', default: false },
} as const;

describe('a command line', () => {
  it('gives options and other words, wherever they stand', () => {
    expect(parseCommandLine(['a.json', '--stop-timeout', '30', 'b.json'], OPTIONS)).toMatchObject({
      values: { 'stop-timeout': '30', diff: false },
      positionals: ['a.json', 'b.json'],
    });
  });

  it('takes a number below zero for what it is', () => {
    expect(parseCommandLine(['--stop-timeout', '-3', '--', '--stop-timeout', '-4'], OPTIONS)).toMatchObject({
      values: { 'stop-timeout': '-3' },
      positionals: ['--stop-timeout', '-4'],
    });
    expect(() => parseCommandLine(['--diff', '-3'], OPTIONS)).toThrow(new UseError('there is no option -3'));
  });

  it.each([
    [['--stop-timeot', '3'], 'there is no option --stop-timeot. Did you mean --stop-timeout?'],
    [['--stop=3'], 'there is no option --stop. Did you mean --stop-timeout?'],
    [['-x'], 'there is no option -x'],
    [['--fast'], 'there is no option --fast'],
    [['--stop-timeout'], "Option '--stop-timeout <value>' argument missing"],
    [['--stop-timeout', '-x'], "Option '--stop-timeout' argument is ambiguous"],
    [['--stop-timeout', '--diff'], "Option '--stop-timeout' argument is ambiguous"],
    [['--diff=yes'], "Option '--diff' does not take an argument"],
  ])('%j is refused in a few words', (argv, message) => {
    expect(() => parseCommandLine(argv, OPTIONS)).toThrow(new UseError(message));
  });

  it('has nothing to propose where there are no options', () => {
    expect(() => parseCommandLine(['--fast'], {})).toThrow(new UseError('there is no option --fast'));
  });
});
