/**
 * What stands for the AWS CLI when the commands of the docs are run: it knows those commands, and refuses what AWS
 * would refuse of what it is given.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { remove } from '../../src/deploy/injection.ts';
import { described, fileOf } from '../deploy/task-definitions.ts';
import { parseQuery } from '../insights/parser.ts';
import { problems } from '../support/task-definition-rules.ts';

const { positionals, values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    'task-definition': { type: 'string' },
    include: { type: 'string' },
    'cli-input-json': { type: 'string' },
    'stack-name': { type: 'string' },
    capabilities: { type: 'string' },
    'template-file': { type: 'string' },
    'parameter-overrides': { type: 'boolean' },
    'log-group-names': { type: 'string' },
    'start-time': { type: 'string' },
    'end-time': { type: 'string' },
    'query-string': { type: 'string' },
    'query-id': { type: 'string' },
    query: { type: 'string' },
    output: { type: 'string' },
    name: { type: 'string' },
    'secret-string': { type: 'string' },
  },
});
const [service, operation, ...parameters] = positionals;

function required(option: Exclude<keyof typeof values, 'parameter-overrides'>): string {
  const value = values[option];
  if (value === undefined) throw new Error(`--${option} is required`);
  return value;
}

function registerTaskDefinition(): void {
  const file = required('cli-input-json').replace('file://', '');
  const found = problems(JSON.parse(readFileSync(file, 'utf8')));
  if (found.length > 0) throw new Error(found.join('\n'));
}

function deployStack(): void {
  required('stack-name');
  const text = readFileSync(required('template-file'), 'utf8');
  const template = parse(text, { logLevel: 'silent' }) as {
    Parameters: Record<string, { Type: string; Default?: unknown; AllowedPattern?: string }>;
  };
  const given = parameters.map((each) => each.split('=')[0] ?? '');
  const unknown = given.filter((name) => !(name in template.Parameters));
  const missing = Object.entries(template.Parameters).filter(
    ([name, { Default }]) => Default === undefined && !given.includes(name),
  );
  const refused = parameters.filter((each) => {
    const [name = '', value = ''] = each.split(/=(.*)/s);
    const { Type, AllowedPattern = '' } = template.Parameters[name] ?? {};
    // Of a list, each value must match.
    const texts = Type === 'CommaDelimitedList' ? value.split(',') : [value];
    return !texts.every((text) => new RegExp(AllowedPattern).test(text));
  });
  if (refused.length > 0) throw new Error(`Parameters: [${refused}] are not allowed`);
  if (unknown.length > 0) throw new Error(`Parameters: [${unknown}] do not exist in the template`);
  if (missing.length > 0) throw new Error(`Parameters: [${missing.map(([name]) => name)}] must have values`);
  if (text.includes('AWS::IAM::Role') && values.capabilities !== 'CAPABILITY_IAM') {
    throw new Error('Requires capabilities : [CAPABILITY_IAM]');
  }
}

const QUERY_ID = '12ab3456-12ab-123a-789e-1234567890ab';

function startQuery(): void {
  required('log-group-names');
  if (Number(required('start-time')) >= Number(required('end-time'))) throw new Error('the range is empty');
  parseQuery(readFileSync(required('query-string').replace('file://', ''), 'utf8'));
  process.stdout.write(`${QUERY_ID}\n`);
}

function getQueryResults(): void {
  if (required('query-id') !== QUERY_ID) throw new Error('there is no such query');
}

/** A secret on the command line would stay in the shell's history. */
function createSecret(): void {
  required('name');
  readFileSync(required('secret-string').replace('file://', ''), 'utf8');
}

function copyToBucket([from = '', to = '']: readonly string[]): void {
  readFileSync(from);
  if (!/^s3:\/\/[\w-]+\/./.test(to)) throw new Error(`${to} is no object of a bucket`);
}

switch (`${service} ${operation}`) {
  case 'ecs describe-task-definition':
    required('task-definition');
    process.stdout.write(described(JSON.parse(remove(fileOf('fargate-batch.json')).text)));
    break;
  case 'ecs register-task-definition':
    registerTaskDefinition();
    break;
  case 'cloudformation deploy':
    deployStack();
    break;
  case 'logs start-query':
    startQuery();
    break;
  case 'logs get-query-results':
    getQueryResults();
    break;
  case 'secretsmanager create-secret':
    createSecret();
    break;
  case 's3 cp':
    copyToBucket(parameters);
    break;
  default:
    throw new Error(`${service} ${operation} is not known here`);
}
