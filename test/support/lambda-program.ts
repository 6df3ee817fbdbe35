/**
 * What stands for Lambda's runtime around the function's file: loads it as the runtime does (import(), the handler by its
 * name) and calls it for each event that the parent process sends.
 */
import { join } from 'node:path';

interface Call {
  readonly number: number;
  readonly event: unknown;
  readonly timeoutMs: number;
}

/** After it, as in Lambda's own log, a line that says that the log has all of this call. */
function answer(number: number, invoked: object): void {
  process.stdout.write(`END RequestId: request-${number}\n`);
  process.send?.({ number, ...invoked });
}

const { forward } = await import(join(import.meta.dirname, '../../dist/subscription.cjs'));

process.on('message', async ({ number, event, timeoutMs }: Call) => {
  const endAtMs = performance.now() + timeoutMs;
  const context = {
    awsRequestId: `request-${number}`,
    getRemainingTimeInMillis: () => endAtMs - performance.now(),
  };
  try {
    answer(number, { result: await forward(event, context) });
  } catch (error) {
    const { name, message } = error as Error;
    answer(number, { error: { errorType: name, errorMessage: message } });
  }
});
process.send?.({ number: 0 });
