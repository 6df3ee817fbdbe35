import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from '../nearest.ts';

/** A command was called with words that it does not know. The message says which, for a person. */
export class UseError extends Error {
  override readonly name = 'UseError';
}

/**
 * The options and the other words of a command line. `--help` is seen before a command is run.
 * @throws UseError
 */
export function parseCommandLine<const Options extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: withValues(argv, options), allowPositionals: true, options });
  } catch (error) {
    throw new UseError(reasonOf(error as NodeJS.ErrnoException, Object.keys(options)), { cause: error });
  }
}

/** `--limit -3` is written as `--limit=-3`: Node takes -3 for an option, and says neither what it is nor what is allowed. */
function withValues(argv: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const end = argv.indexOf('--');
  const args: string[] = [];
  for (const [index, word] of argv.entries()) {
    const option = args.at(-1) ?? '';
    const isBelowZero = /^-[\d.]/.test(word) && options[option.slice(2)]?.type === 'string';
    if (isBelowZero && option.startsWith('--') && (end < 0 || index < end))
      args.push(`${args.pop()}=${word}`);
    else args.push(word);
  }
  return args;
}

/** Node's own text goes on with advice about `--` and dashes, which is seldom what went wrong. */
function reasonOf({ code, message }: NodeJS.ErrnoException, names: readonly string[]): string {
  const [reason = message] = message.split(/\. |\.?\n/);
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return reason;
  const [unknown = ''] = /(?<=')-[^']*(?=')/.exec(message) ?? [];
  const meant = unknown.startsWith('--') ? nearest(unknown.slice(2), names) : undefined;
  return `there is no option ${unknown}${meant === undefined ? '' : `. Did you mean --${meant}?`}`;
}
