/** The `fargauge` command: the sidecar itself, or one of the commands around it. */
import { nearest } from '../nearest.ts';
import { version } from '../version.ts';
import { type Command, EXIT_INTERRUPTED, EXIT_USE, type Streams } from './command.ts';
import { UseError } from './command-line.ts';
import { indexCommand } from './index-lines.ts';
import { injectCommand } from './inject.ts';
import { localCommand } from './local.ts';
import { notifyCommand } from './notify.ts';
import { replayCommand } from './replay.ts';
import { reportCommand } from './report.ts';
import { runCommand } from './run.ts';
import { standardStreams } from './standard-streams.ts';

const COMMANDS: readonly Command[] = [
  runCommand,
  localCommand,
  replayCommand,
  injectCommand,
  reportCommand,
  indexCommand,
  notifyCommand,
];

const HELP = `Usage: fargauge [COMMAND] [OPTIONS]

A sidecar for Amazon ECS and AWS Fargate that leaves a Lambda-style REPORT line behind every task run.
Without a command it is the sidecar: what runs as a container of a task.

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}`).join('\n')}

Options:
  --help     show this text, or a command's with fargauge COMMAND --help
  --version  print the version
`;

async function main(argv: readonly string[], streams: Streams): Promise<number | undefined> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    await import('../main.ts');
    return undefined;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    streams.stdout.write(HELP);
    return 0;
  }
  if (name === '--version') {
    streams.stdout.write(`${version}\n`);
    return 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((each) => each.name);
    const meant = nearest(name, names);
    const advice = meant === undefined ? `There are ${names.join(', ')}.` : `Did you mean ${meant}?`;
    streams.stderr.write(`fargauge: no command ${JSON.stringify(name)}. ${advice} See fargauge --help\n`);
    return EXIT_USE;
  }
  return runCommandLine(command, rest, streams);
}

async function runCommandLine(command: Command, argv: readonly string[], streams: Streams): Promise<number> {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.includes('--help') || own.includes('-h')) {
    streams.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(argv, streams);
  } catch (error) {
    if (!(error instanceof UseError)) throw error;
    const sentence = error.message.endsWith('?') ? error.message : `${error.message}.`;
    streams.stderr.write(`fargauge ${command.name}: ${sentence} See fargauge ${command.name} --help\n`);
    return EXIT_USE;
  }
}

const streams = standardStreams(({ message }) => {
  streams.stderr.write(`fargauge: cannot write to stdout: ${message}\n`, () => process.exit(EXIT_USE));
});

void main(process.argv.slice(2), streams).then((exitCode) => {
  if (exitCode !== undefined) process.exitCode = exitCode;
  if (exitCode === EXIT_INTERRUPTED) endAtOnce();
});

/** When what was written is out: a request or the pause before the next try would keep an interrupted program alive. */
function endAtOnce(): void {
  streams.stdout.write('', () => streams.stderr.write('', () => process.exit()));
}
