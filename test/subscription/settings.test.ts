import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../src/subscription/settings.ts';

const QUEUE = { FAILURE_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/failures' };
const DOMAIN = 'https://search-logs-abc.eu-west-1.es.amazonaws.com';
const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:engine-AbCdEf';

describe('the forwarder’s settings', () => {
  it.each<[string, Record<string, string>, object]>([
    [
      'a domain of Amazon OpenSearch Service',
      { OPENSEARCH_URL: DOMAIN },
      { kind: 'sigv4', region: 'eu-west-1' },
    ],
    [
      'one in a VPC in China',
      { OPENSEARCH_URL: 'https://vpc-logs-abc.cn-north-1.es.amazonaws.com.cn' },
      { kind: 'sigv4', region: 'cn-north-1' },
    ],
    [
      'one under a name of its own',
      { OPENSEARCH_URL: 'https://logs.example.com', OPENSEARCH_AUTH: 'sigv4', AWS_REGION: 'eu-west-2' },
      { kind: 'sigv4', region: 'eu-west-2' },
    ],
    [
      'a secret',
      { OPENSEARCH_URL: DOMAIN, OPENSEARCH_SECRET_ARN: SECRET },
      { kind: 'basic', secretArn: SECRET },
    ],
    ['neither', { OPENSEARCH_URL: 'http://10.0.0.7:9200', OPENSEARCH_SECRET_ARN: '' }, { kind: 'none' }],
  ])('authorize by %s', (_, environment, authorization) => {
    expect(parseSettings({ ...QUEUE, ...environment }).authorization).toEqual(authorization);
  });

  it('are refused together, each with its name, its value and what is allowed', () => {
    const wrong = {
      OPENSEARCH_URL: 'logs.example.com',
      FAILURE_QUEUE_URL: 'failures',
      OTHERS_INDEX_PREFIX: 'fargauge',
    };
    expect(() => parseSettings(wrong)).toThrow(
      [
        'the forwarder cannot start:',
        '  - OPENSEARCH_URL="logs.example.com" is not allowed: it must be an address such as https://search-logs-abc.eu-west-1.es.amazonaws.com',
        '  - FAILURE_QUEUE_URL="failures" is not allowed: it must be the URL of an SQS queue',
        '  - OTHERS_INDEX_PREFIX="fargauge" is not allowed: it must be lower-case letters, digits, -, _ and ., 1 to 100 of them, beginning with a letter or digit, and not fargauge- at their start, which is for lines of fargauge',
      ].join('\n'),
    );
  });

  it.each([
    [{}, 'OPENSEARCH_URL is not set'],
    [{ OPENSEARCH_URL: DOMAIN, FAILURE_QUEUE_URL: '' }, 'FAILURE_QUEUE_URL is not set'],
    [{ OPENSEARCH_URL: DOMAIN, OPENSEARCH_AUTH: 'iam' }, 'it must be sigv4, basic or none'],
    [{ OPENSEARCH_URL: DOMAIN, OPENSEARCH_AUTH: 'basic' }, 'OPENSEARCH_SECRET_ARN is not set'],
    [
      { OPENSEARCH_URL: 'https://logs.example.com', OPENSEARCH_AUTH: 'sigv4' },
      'OPENSEARCH_REGION is not set',
    ],
    [{ OPENSEARCH_URL: 'http://10.0.0.7', OPENSEARCH_SECRET_ARN: SECRET }, 'https where a password is sent'],
    [{ OPENSEARCH_URL: 'https://abc.eu-west-1.aoss.amazonaws.com' }, 'OpenSearch Serverless'],
  ])('are refused: %o', (environment, problem) => {
    expect(() => parseSettings({ ...QUEUE, ...environment })).toThrow(problem);
  });

  it('never show a password that stands in the address', () => {
    const environment = { ...QUEUE, OPENSEARCH_URL: 'https://me:hunter2@logs.example.com' };
    expect(() => parseSettings(environment)).toThrow('https://…@logs.example.com');
    expect(() => parseSettings(environment)).not.toThrow('hunter2');
  });
});
