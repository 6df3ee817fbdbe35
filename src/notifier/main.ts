/** The function that AWS Lambda runs: `notifier.notify`. */
import { systemClock } from '../clock.ts';
import { createAws } from './aws.ts';
import { type Notified, Notifier } from './notifier.ts';
import { parseSettings } from './settings.ts';

/** What the notifier needs of Lambda's context. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
}

let notifier: Notifier | undefined;

/**
 * Tells Slack of one event. What can not be sent is thrown, so that Lambda tries again, twice, and then puts the event
 * into the dead-letter queue.
 */
export async function notify(event: unknown, context: LambdaContext): Promise<Notified> {
  notifier ??= new Notifier({
    settings: parseSettings(process.env),
    aws: createAws(),
    clock: systemClock,
    random: Math.random,
    log,
  });
  const notified = await notifier.notify(event, context.getRemainingTimeInMillis());
  log({ level: 'info', message: notified.kind, ...notified });
  return notified;
}

/** One JSON object on one line, as Lambda's own JSON format has it. */
function log(fields: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify({ timestamp: new Date().toISOString(), ...fields })}\n`);
}
