import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { type Injection, type InjectOptions, inject, remove } from '../deploy/injection.ts';
import { ORDERS, type Order, STOP_TIMEOUT_SECONDS } from '../deploy/sidecar-container.ts';
import { DocumentError } from '../deploy/task-definition-document.ts';
import { version } from '../version.ts';
import { type Command, EXIT_USE, type Streams } from './command.ts';
import { parseCommandLine } from './command-line.ts';
import { wholeText } from './whole-text.ts';

/** `--check`: the sidecar is missing, or not as it should be. */
const EXIT_STALE = 1;
const DIFF_CONTEXT_LINES = 3;

const { default: DEFAULT_STOP_TIMEOUT, min: MIN_STOP_TIMEOUT, max: MAX_STOP_TIMEOUT } = STOP_TIMEOUT_SECONDS;

const HELP = `Usage: fargauge inject [OPTIONS] FILE

Prints the task definition in FILE (- is stdin) with the sidecar added, or brought up to date. FILE is JSON: what
aws ecs describe-task-definition prints, of which only what register-task-definition takes is kept; what
register-task-definition takes; or a CloudFormation template, resource or Properties. All else stays as it stands,
key order and indentation included. FILE itself is not changed.

Options:
  --container NAME   the batch: the container that the report is about (default: the only essential one)
  --image URI        the sidecar's image (default: fargauge:${version} in the ECR registry of the batch's image)
  --stop-timeout S   the sidecar's stopTimeout, ${MIN_STOP_TIMEOUT} to ${MAX_STOP_TIMEOUT} seconds (default: ${DEFAULT_STOP_TIMEOUT})
  --order ORDER      batch-first (default): nothing about the sidecar can keep the batch from running.
                     sidecar-first: it sees the first second and the end of a stopped run, but a sidecar that cannot
                     start keeps the batch from starting
  --sharp            the task's containers share a PID namespace ("pidMode": "task"), so that the sidecar samples
                     their processes every second beside the endpoint, which Fargate refreshes every ten: see
                     docs/sharp-sampling.md for what that changes for your containers
  --remove           take the sidecar out
  --check            print no task definition; exit 1 when the sidecar is missing or not as it would be
  --diff             print the difference that the sidecar makes instead of the task definition
  --help             show this text

The defaults are for a new sidecar: of one that is there, the image, stop timeout, batch and order stay unless an
option names others, and so do variables and further keys of your own.
Exit codes: 0; 1 with --check, when there is something to do; 2 for wrong use and for a file that cannot be used.
What will not work as it is, such as a task size that leaves no room, is told on stderr.
`;

export const injectCommand: Command = {
  name: 'inject',
  summary: 'print a task definition with the sidecar added',
  help: HELP,
  run,
};

async function run(argv: readonly string[], streams: Streams): Promise<number> {
  const options = parseOptions(argv);
  if (!options.ok) return refuse(streams, [...options.problems, 'see fargauge inject --help']);
  const { file, isRemoval, isCheck, isDiff, injectOptions } = options;
  let source: string;
  try {
    source = await wholeText(file, streams.stdin);
  } catch (error) {
    return refuse(streams, [`cannot read ${file}: ${(error as Error).message}`]);
  }
  let injection: Injection;
  try {
    injection = isRemoval ? remove(source) : inject(source, injectOptions);
  } catch (error) {
    if (error instanceof DocumentError) return refuse(streams, [`${file}: ${error.message}`]);
    throw error;
  }
  for (const warning of injection.warnings) {
    streams.stderr.write(`fargauge inject: warning: ${file}: ${warning}\n`);
  }
  if (isDiff) streams.stdout.write(unifiedDiff(injection.before, injection.text, file));
  else if (!isCheck) streams.stdout.write(injection.text);
  if (!isCheck || injection.text === injection.before) return 0;
  streams.stderr.write(`fargauge inject: ${file}: ${staleness(isRemoval)}\n`);
  return EXIT_STALE;
}

/** In the form that `patch` and `git apply` read; empty when there is no difference. */
function unifiedDiff(before: string, after: string, file: string): string {
  if (before === after) return '';
  return createTwoFilesPatch(file, file, before, after, undefined, undefined, {
    context: DIFF_CONTEXT_LINES,
    headerOptions: FILE_HEADERS_ONLY,
  });
}

function staleness(isRemoval: boolean): string {
  return isRemoval
    ? 'the sidecar is still there'
    : 'the sidecar is missing or not as it should be; --diff shows the difference';
}

function refuse({ stderr }: Streams, problems: readonly string[]): number {
  for (const problem of problems) stderr.write(`fargauge inject: ${problem}\n`);
  return EXIT_USE;
}

type Options =
  | { readonly ok: false; readonly problems: readonly string[] }
  | {
      readonly ok: true;
      readonly file: string;
      readonly isRemoval: boolean;
      readonly isCheck: boolean;
      readonly isDiff: boolean;
      readonly injectOptions: InjectOptions;
    };

function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseCommandLine(argv, {
    container: { type: 'string' },
    image: { type: 'string' },
    'stop-timeout': { type: 'string' },
    order: { type: 'string' },
    sharp: { type: 'boolean' },
    remove: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    diff: { type: 'boolean', default: false },
  });
  const [file, ...more] = positionals;
  const { container, image, order, 'stop-timeout': stopTimeout } = values;
  const problems: string[] = [];
  if (file === undefined || more.length > 0) problems.push('name one file, or - for stdin');
  if (order !== undefined && !isOrder(order)) {
    problems.push(`--order ${order} is not allowed: it must be ${ORDERS.join(' or ')}`);
  }
  if (stopTimeout !== undefined && !isStopTimeout(stopTimeout)) {
    problems.push(
      `--stop-timeout ${stopTimeout} is not allowed: it must be a whole number from ${MIN_STOP_TIMEOUT} to ${MAX_STOP_TIMEOUT}`,
    );
  }
  for (const [option, value] of Object.entries({ container, image })) {
    if (value === '' || /\s/.test(value ?? '')) {
      problems.push(
        `--${option} ${JSON.stringify(value)} is not allowed: it must not be empty or hold spaces`,
      );
    }
  }
  const given = Object.entries({
    container,
    image,
    order,
    sharp: values.sharp,
    'stop-timeout': stopTimeout,
  });
  for (const [option] of given.filter(([, value]) => values.remove && value !== undefined)) {
    problems.push(`--${option} makes no sense with --remove`);
  }
  if (problems.length > 0 || file === undefined) return { ok: false, problems };
  return {
    ok: true,
    file,
    isRemoval: values.remove,
    isCheck: values.check,
    isDiff: values.diff,
    injectOptions: {
      version,
      ...(container !== undefined && { batch: container }),
      ...(image !== undefined && { image }),
      ...(order !== undefined && isOrder(order) && { order }),
      ...(values.sharp && { isSharp: true }),
      ...(stopTimeout !== undefined && { stopTimeoutSeconds: Number(stopTimeout) }),
    },
  };
}

function isOrder(word: string): word is Order {
  return (ORDERS as readonly string[]).includes(word);
}

function isStopTimeout(digits: string): boolean {
  const seconds = Number(digits);
  return /^\d{1,3}$/.test(digits) && seconds >= MIN_STOP_TIMEOUT && seconds <= MAX_STOP_TIMEOUT;
}
