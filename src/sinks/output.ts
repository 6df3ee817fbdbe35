import type { OutputLine, Sink } from './sink.ts';

/** What is told of where lines go. */
export interface OutputListener {
  /** CloudWatch Logs takes no lines, for a reason that waiting does not mend: they go to stdout from now on. */
  onRefused(reason: string): void;
  /** What CloudWatch Logs had not taken at the end: the lines are on stdout instead. */
  onUndelivered(lineCount: number): void;
}

/**
 * CloudWatch Logs and stdout as one sink. The CloudWatch sink is loaded only now, since its SDK costs a quarter of
 * the program's memory: lines wait until it is there. When it cannot be loaded, or CloudWatch Logs refuses, its lines
 * go to stdout, those that wait included.
 *
 * @param load makes the CloudWatch sink; `refuse` is for its use
 * @param isStdoutToo whether stdout gets all lines as well
 */
export function createOutput(
  load: (refuse: (reason: string) => void) => Promise<Sink>,
  stdout: Sink,
  isStdoutToo: boolean,
  listener: OutputListener,
): Sink {
  let cloudwatch: Sink | undefined;
  let isRefused = false;
  let waiting: OutputLine[] = [];

  const refuse = (reason: string): void => {
    isRefused = true;
    listener.onRefused(reason);
    const undelivered = [...(cloudwatch?.takeUndelivered() ?? []), ...waiting];
    waiting = [];
    if (!isStdoutToo) stdout.write(undelivered);
  };
  const loaded = load(refuse).then(
    (sink) => {
      cloudwatch = sink;
      sink.write(waiting);
      waiting = [];
    },
    (error: unknown) => refuse(`the CloudWatch sink cannot be loaded: ${error}`),
  );

  return {
    name: isStdoutToo ? 'cloudwatch,stdout' : 'cloudwatch',
    write(lines) {
      if (isStdoutToo || isRefused) stdout.write(lines);
      if (isRefused) return;
      if (cloudwatch) cloudwatch.write(lines);
      else waiting.push(...lines);
    },
    async flush(signal) {
      await loaded;
      const isDelivered = isRefused || !cloudwatch ? true : await cloudwatch.flush(signal);
      return (await stdout.flush(signal)) && isDelivered;
    },
    takeUndelivered() {
      const lines = isRefused ? [] : [...(cloudwatch?.takeUndelivered() ?? []), ...waiting];
      if (lines.length > 0) listener.onUndelivered(lines.length);
      return isStdoutToo ? [] : lines;
    },
    get droppedLineCount() {
      // What CloudWatch's buffer dropped is no loss where stdout has it.
      return isStdoutToo ? 0 : (cloudwatch?.droppedLineCount ?? 0);
    },
  };
}
