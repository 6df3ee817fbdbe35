import * as z from 'zod/mini';
import { parseSelection, type Selection } from '../core/selection.ts';
import { type Environment, readVariable, unknownVariables, type Variable, variable } from '../variables.ts';
import type { Result } from './run-ending.ts';

/** What the notifier is told by its environment; no secret is in it. */
export interface Settings {
  /** Of a secret of Secrets Manager or a parameter of Systems Manager. */
  readonly secretArn: string;
  /** Where notices go when the secret is a token; a result without a channel gives no notice. */
  readonly successChannel: string | undefined;
  readonly failureChannel: string | undefined;
  /** In Slack's markup. */
  readonly failureMention: string | undefined;
  /** Of task definitions, whose runs are told. */
  readonly families: Selection;
  /** How long the REPORT is waited for, ms. */
  readonly reportWaitMs: number;
  /** With a slash at its end. */
  readonly slackApiUrl: string;
}

/** A token of Slack, or the URL of a webhook: whoever puts one where it does not belong shall not find it in a log. */
const SECRET_LIKE = /^[#@]?xox|:\/\//i;

/** Slack's ids of conversations; a name with or without `#` is taken as well. */
const channel = z
  .string()
  .check(z.regex(/^#?[^\s<>&#]{1,80}$/))
  .check(z.refine((text) => !SECRET_LIKE.test(text)));

/** As one writes it, and as Slack wants it: https://docs.slack.dev/messaging/formatting-message-text */
const MENTIONS: readonly (readonly [written: RegExp, markup: (id: string) => string])[] = [
  [/^@?(here|channel|everyone)$/, (id) => `<!${id}>`],
  [/^(S[A-Z0-9]{2,20})$/, (id) => `<!subteam^${id}>`],
  [/^([UW][A-Z0-9]{2,20})$/, (id) => `<@${id}>`],
];

const mention = z.pipe(
  z.string().check(z.refine((text) => MENTIONS.some(([written]) => written.test(text)))),
  z.transform((text) => {
    const [written, markup] = MENTIONS.find(([each]) => each.test(text)) ?? [];
    return markup?.(written?.exec(text)?.[1] ?? '') ?? '';
  }),
);

/** ECS API reference, RegisterTaskDefinition: letters, digits, underscores and hyphens. */
const families = z.pipe(
  z.string().check(z.regex(/^!?[A-Za-z0-9_*-]+(,!?[A-Za-z0-9_*-]+)*$/)),
  z.transform(parseSelection),
);

const MAX_WAIT_SECONDS = 600;
const waitMs = z.pipe(
  z.string().check(z.refine((text) => /^\d{1,3}$/.test(text) && Number(text) <= MAX_WAIT_SECONDS)),
  z.transform((text) => Number(text) * 1000),
);

/** Plain HTTP is for tests on this machine. */
const apiUrl = z.string().check(
  z.refine((text) => {
    const url = URL.parse(text);
    const isLocal = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost';
    // A webhook's host: what follows is a secret.
    if (url?.hostname.startsWith('hooks.')) return false;
    return text.endsWith('/') && (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal));
  }),
);

/** Every variable that the notifier reads. The table in docs/slack.md is made from this one. */
export const NOTIFIER_VARIABLES = {
  secretArn: variable(
    'FARGAUGE_SLACK_SECRET_ARN',
    '',
    'the ARN of a secret of Secrets Manager, or of a parameter of Systems Manager',
    z
      .string()
      .check(
        z.regex(/^arn:aws[a-z-]*:(secretsmanager:[^:]+:\d{12}:secret:|ssm:[^:]+:\d{12}:parameter\/)\S+$/),
      ),
    'Where the bot token or the webhooks are kept. Required.',
  ),
  successChannel: variable(
    'FARGAUGE_SLACK_SUCCESS_CHANNEL',
    '',
    "a channel's id, or its name",
    channel,
    'Where notices of success go. Default: nowhere. With webhooks it is not needed.',
  ),
  failureChannel: variable(
    'FARGAUGE_SLACK_FAILURE_CHANNEL',
    '',
    "a channel's id, or its name",
    channel,
    'Where notices of failed and of stopped runs go. Default: nowhere. With webhooks it is not needed.',
  ),
  failureMention: variable(
    'FARGAUGE_SLACK_FAILURE_MENTION',
    '',
    '`here`, `channel`, `everyone`, or the id of a user (`U…`) or of a user group (`S…`)',
    mention,
    'Who is mentioned when a run failed, not when somebody stopped it. Default: nobody.',
  ),
  families: variable(
    'FARGAUGE_SLACK_FAMILIES',
    '*',
    'families separated by commas; `*` stands for any characters, `!name` leaves one out',
    families,
    'Families of task definitions whose runs are told.',
  ),
  reportWaitMs: variable(
    'FARGAUGE_REPORT_WAIT_SECONDS',
    '20',
    `a whole number from 0 to ${MAX_WAIT_SECONDS}`,
    waitMs,
    "How long the run's REPORT is waited for, inside the function's own time-out.",
  ),
  slackApiUrl: variable(
    'FARGAUGE_SLACK_API_URL',
    'https://slack.com/api/',
    'an https URL that ends in a slash',
    apiUrl,
    "Slack's Web API; GovSlack's is `https://slack-gov.com/api/`.",
  ),
} as const;

/** The environment is not as it must be; the message lists every problem. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/**
 * Reads the settings out of environment variables. An empty variable counts as unset.
 * @throws SettingsError with one message that lists every problem: the variable, its value and what is allowed
 */
export function parseSettings(env: Environment): Settings {
  const problems = unknownVariables(env, NOTIFIER_VARIABLES, 'the notifier');
  const read = <T>(each: Variable<T>): T | undefined => readSetting(env, each, problems);

  const values = {
    secretArn: read(NOTIFIER_VARIABLES.secretArn),
    successChannel: read(NOTIFIER_VARIABLES.successChannel),
    failureChannel: read(NOTIFIER_VARIABLES.failureChannel),
    failureMention: read(NOTIFIER_VARIABLES.failureMention),
    families: read(NOTIFIER_VARIABLES.families),
    reportWaitMs: read(NOTIFIER_VARIABLES.reportWaitMs),
    slackApiUrl: read(NOTIFIER_VARIABLES.slackApiUrl),
  };
  const { name, allowed } = NOTIFIER_VARIABLES.secretArn;
  if (!env[name]) problems.push(`${name} is not set: it must be ${allowed}.`);
  if (problems.length > 0) {
    throw new SettingsError(
      ['the notifier cannot start:', ...problems.map((problem) => `  - ${problem}`)].join('\n'),
    );
  }
  // Every variable that is required or has a default has a value when there are no problems.
  return Object.freeze(values as Settings);
}

/** Where one looks for the place of a secret: whatever stands there is not told. */
const QUIET: readonly string[] = [NOTIFIER_VARIABLES.secretArn.name, NOTIFIER_VARIABLES.slackApiUrl.name];

function readSetting<T>(env: Environment, each: Variable<T>, problems: string[]): T | undefined {
  const { name, allowed } = each;
  const told: string[] = [];
  const value = readVariable(env, each, told);
  const isQuiet = QUIET.includes(name) || SECRET_LIKE.test(env[name] ?? '');
  if (told.length > 0)
    problems.push(...(isQuiet ? [`${name} is not allowed: it must be ${allowed}.`] : told));
  return value;
}

/** Which channel a result goes to. */
export function channelOf(settings: Settings, result: Result): string | undefined {
  return result === 'success' ? settings.successChannel : settings.failureChannel;
}
