import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  type OutputLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { DefinedContainer, LogLocation, TaskDefinition } from './log-location.ts';

/** The four calls of AWS that the notifier makes. All reject as the SDK does, or by a TimeoutError after `timeoutMs`. */
export interface Aws {
  /** A revision never changes: described once. */
  describeTaskDefinition(taskDefinitionArn: string, timeoutMs: number): Promise<TaskDefinition>;
  /** The last messages of a log stream: the newest page first, in each page the oldest message first. */
  readTail(location: LogLocation, sinceMs: number, timeoutMs: number): AsyncIterable<readonly string[]>;
  readSecret(secretArn: string, timeoutMs: number): Promise<string>;
}

/** A page is 1 MB at the most, by CloudWatch Logs. */
const PAGE_EVENTS = 1_000;
/**
 * A batch may log a lot after its REPORT, where the sidecar is stopped first. Empty pages are among these: GetLogEvents
 * may answer with one although there are events.
 */
const MAX_PAGES = 4;
const MAX_CACHED_DEFINITIONS = 200;

/** Every call ends in a few seconds: the function has to say something within its time. */
const CLIENT = {
  maxAttempts: 2,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 1_500, requestTimeout: 3_000, throwOnRequestTimeout: true },
} as const;

export function createAws(): Aws {
  const definitions = new Map<string, TaskDefinition>();
  const ecs = perRegion((region) => new ECSClient({ ...CLIENT, region }));
  const logs = perRegion((region) => new CloudWatchLogsClient({ ...CLIENT, region }));

  return {
    async describeTaskDefinition(taskDefinitionArn, timeoutMs) {
      const known = definitions.get(taskDefinitionArn);
      if (known) return known;
      const definition = await describe(
        ecs(regionOf(taskDefinitionArn)),
        taskDefinitionArn,
        timeLimit(timeoutMs),
      );
      if (definitions.size >= MAX_CACHED_DEFINITIONS) definitions.clear();
      definitions.set(taskDefinitionArn, definition);
      return definition;
    },
    readTail: (location, sinceMs, timeoutMs) =>
      readTail(logs(location.region), location, sinceMs, timeLimit(timeoutMs)),
    readSecret: (secretArn, timeoutMs) =>
      (secretArn.includes(':ssm:') ? readParameter : readSecret)(secretArn, timeLimit(timeoutMs)),
  };
}

type CallOptions = { readonly abortSignal: AbortSignal };
/** Makes a call that ends when the time is over, whatever the SDK does with its tries. */
type TimeLimit = <Answer>(call: (options: CallOptions) => Promise<Answer>) => Promise<Answer>;

function timeLimit(timeoutMs: number): TimeLimit {
  const abortSignal = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)));
  const isOver = new Promise<never>((_, reject) => {
    abortSignal.addEventListener('abort', () => reject(abortSignal.reason), { once: true });
  });
  // Mostly nobody waits any more.
  isOver.catch(() => {});
  return (call) => Promise.race([isOver, call({ abortSignal })]);
}

function perRegion<Client>(create: (region: string) => Client): (region: string) => Client {
  const clients = new Map<string, Client>();
  return (region) => {
    const client = clients.get(region) ?? create(region);
    clients.set(region, client);
    return client;
  };
}

function regionOf(arn: string): string {
  return arn.split(':')[3] ?? '';
}

async function describe(
  client: ECSClient,
  taskDefinition: string,
  inTime: TimeLimit,
): Promise<TaskDefinition> {
  const command = new DescribeTaskDefinitionCommand({ taskDefinition });
  const { taskDefinition: described } = await inTime((options) => client.send(command, options));
  const containers = (described?.containerDefinitions ?? []).map((container): DefinedContainer => {
    const { logDriver, options = {} } = container.logConfiguration ?? {};
    const {
      'awslogs-group': logGroupName,
      'awslogs-region': region,
      'awslogs-stream-prefix': streamPrefix,
    } = options;
    return {
      name: container.name ?? '',
      isEssential: container.essential ?? true,
      environment: new Map((container.environment ?? []).map(({ name = '', value = '' }) => [name, value])),
      awslogs:
        logDriver === 'awslogs' && logGroupName !== undefined
          ? { region: region ?? regionOf(taskDefinition), logGroupName, streamPrefix }
          : undefined,
    };
  });
  return { containers };
}

async function* readTail(
  client: CloudWatchLogsClient,
  { logGroupName, logStreamName }: LogLocation,
  sinceMs: number,
  inTime: TimeLimit,
): AsyncIterable<readonly string[]> {
  let nextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const command = new GetLogEventsCommand({
      logGroupName,
      logStreamName,
      startTime: sinceMs,
      limit: PAGE_EVENTS,
      startFromHead: false,
      ...(nextToken !== undefined && { nextToken }),
    });
    const { events = [], nextBackwardToken } = await inTime((options) => client.send(command, options));
    if (events.length > 0) yield events.map(messageOf);
    if (nextBackwardToken === nextToken) return;
    nextToken = nextBackwardToken;
  }
}

function messageOf({ message = '' }: OutputLogEvent): string {
  return message;
}

async function readSecret(secretArn: string, inTime: TimeLimit): Promise<string> {
  const client = new SecretsManagerClient({ ...CLIENT, region: regionOf(secretArn) });
  const command = new GetSecretValueCommand({ SecretId: secretArn });
  const { SecretString: secret = '' } = await inTime((options) => client.send(command, options));
  client.destroy();
  return secret;
}

async function readParameter(parameterArn: string, inTime: TimeLimit): Promise<string> {
  const client = new SSMClient({ ...CLIENT, region: regionOf(parameterArn) });
  const command = new GetParameterCommand({ Name: parameterArn, WithDecryption: true });
  const { Parameter: parameter } = await inTime((options) => client.send(command, options));
  client.destroy();
  return parameter?.Value ?? '';
}
