import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  type OutputLogEvent,
} from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { DefinedContainer, LogLocation, TaskDefinition } from './log-location.ts';

/** The four calls of AWS that the notifier makes. All reject as the SDK does. */
export interface Aws {
  /** A revision never changes: described once. */
  describeTaskDefinition(taskDefinitionArn: string): Promise<TaskDefinition>;
  /** The last messages of a log stream, the oldest first. */
  readTail(location: LogLocation, sinceMs: number): Promise<readonly string[]>;
  readSecret(secretArn: string): Promise<string>;
}

/** Enough for a REPORT with what the log driver brings after it. */
const TAIL_EVENTS = 50;
/** GetLogEvents may answer with an empty page although there are events. */
const MAX_EMPTY_PAGES = 3;
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
    async describeTaskDefinition(taskDefinitionArn) {
      const known = definitions.get(taskDefinitionArn);
      if (known) return known;
      const definition = await describe(ecs(regionOf(taskDefinitionArn)), taskDefinitionArn);
      if (definitions.size >= MAX_CACHED_DEFINITIONS) definitions.clear();
      definitions.set(taskDefinitionArn, definition);
      return definition;
    },
    readTail: (location, sinceMs) => readTail(logs(location.region), location, sinceMs),
    readSecret: (secretArn) =>
      secretArn.includes(':ssm:') ? readParameter(secretArn) : readSecret(secretArn),
  };
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

async function describe(client: ECSClient, taskDefinition: string): Promise<TaskDefinition> {
  const { taskDefinition: described } = await client.send(
    new DescribeTaskDefinitionCommand({ taskDefinition }),
  );
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

async function readTail(
  client: CloudWatchLogsClient,
  { logGroupName, logStreamName }: LogLocation,
  sinceMs: number,
): Promise<readonly string[]> {
  let nextToken: string | undefined;
  for (let page = 0; page < MAX_EMPTY_PAGES; page += 1) {
    const command = new GetLogEventsCommand({
      logGroupName,
      logStreamName,
      startTime: sinceMs,
      limit: TAIL_EVENTS,
      startFromHead: false,
      ...(nextToken !== undefined && { nextToken }),
    });
    const { events = [], nextBackwardToken } = await client.send(command);
    if (events.length > 0 || nextBackwardToken === nextToken) return events.map(messageOf);
    nextToken = nextBackwardToken;
  }
  return [];
}

function messageOf({ message = '' }: OutputLogEvent): string {
  return message;
}

async function readSecret(secretArn: string): Promise<string> {
  const client = new SecretsManagerClient({ ...CLIENT, region: regionOf(secretArn) });
  const { SecretString: secret = '' } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
  client.destroy();
  return secret;
}

async function readParameter(parameterArn: string): Promise<string> {
  const client = new SSMClient({ ...CLIENT, region: regionOf(parameterArn) });
  const command = new GetParameterCommand({ Name: parameterArn, WithDecryption: true });
  const { Parameter: parameter } = await client.send(command);
  client.destroy();
  return parameter?.Value ?? '';
}
