import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../src/notifier/settings.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf';

function problemOf(env: Readonly<Record<string, string>>): string {
  try {
    parseSettings(env);
    return 'no problem';
  } catch (error) {
    return String(error);
  }
}

describe('the settings of the notifier', () => {
  it('have defaults for all but the secret', () => {
    expect(parseSettings({ FARGAUGE_SLACK_SECRET_ARN: SECRET, FARGAUGE_SLACK_SUCCESS_CHANNEL: '' })).toEqual({
      secretArn: SECRET,
      successChannel: undefined,
      failureChannel: undefined,
      failureMention: undefined,
      families: { include: ['*'], exclude: [] },
      reportWaitMs: 20_000,
      slackApiUrl: 'https://slack.com/api/',
    });
  });

  it.each([
    ['here', '<!here>'],
    ['@channel', '<!channel>'],
    ['U012AB3CD', '<@U012AB3CD>'],
    ['S012AB3CD', '<!subteam^S012AB3CD>'],
  ])('spell the mention %s as Slack wants it', (written, failureMention) => {
    const env = { FARGAUGE_SLACK_SECRET_ARN: SECRET, FARGAUGE_SLACK_FAILURE_MENTION: written };
    expect(parseSettings(env)).toMatchObject({ failureMention });
  });

  it('take a parameter of Systems Manager, and other partitions', () => {
    const arns = [
      'arn:aws-cn:ssm:cn-north-1:123456789012:parameter/slack/token',
      'arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:slack-AbCdEf',
    ];
    for (const arn of arns) expect(parseSettings({ FARGAUGE_SLACK_SECRET_ARN: arn }).secretArn).toBe(arn);
  });

  it('are refused with one message that lists every problem', () => {
    const env = {
      FARGAUGE_SLACK_SECRET_ARN: 'xoxb-1',
      FARGAUGE_SLACK_FAILURE_CHANNEL: 'two words',
      FARGAUGE_SLACK_FAILURE_MENTION: 'bob',
      FARGAUGE_SLACK_FAMILIES: 'a, b',
      FARGAUGE_REPORT_WAIT_SECONDS: '601',
      FARGAUGE_SLACK_API_URL: 'http://slack.com/api/',
      FARGAUGE_SLACK_CHANEL: 'C1',
    };
    expect(() => parseSettings(env)).toThrow(
      [
        'the notifier cannot start:',
        '  - FARGAUGE_SLACK_CHANEL is not a variable of the notifier. Did you mean FARGAUGE_SLACK_API_URL?',
        '  - FARGAUGE_SLACK_SECRET_ARN is not allowed: it must be the ARN of a secret of Secrets Manager, or of a parameter of Systems Manager.',
        '  - FARGAUGE_SLACK_FAILURE_CHANNEL="two words" is not allowed: it must be a channel\'s id, or its name.',
        '  - FARGAUGE_SLACK_FAILURE_MENTION="bob" is not allowed: it must be `here`, `channel`, `everyone`, or the id of a user (`U…`) or of a user group (`S…`).',
        '  - FARGAUGE_SLACK_FAMILIES="a, b" is not allowed: it must be families separated by commas; `*` stands for any characters, `!name` leaves one out.',
        '  - FARGAUGE_REPORT_WAIT_SECONDS="601" is not allowed: it must be a whole number from 0 to 600.',
        '  - FARGAUGE_SLACK_API_URL is not allowed: it must be an https URL that ends in a slash.',
      ].join('\n'),
    );
    expect(() => parseSettings({})).toThrow('FARGAUGE_SLACK_SECRET_ARN is not set');
  });

  it.each([
    'SLACK_SECRET_ARN',
    'SLACK_SUCCESS_CHANNEL',
    'SLACK_FAILURE_CHANNEL',
    'SLACK_FAILURE_MENTION',
    'SLACK_API_URL',
    'REPORT_WAIT_SECONDS',
    'SLACK_TOKEN',
  ])('tell no secret that was put into FARGAUGE_%s', (name) => {
    const webhook = 'https://hooks.slack.com/services/T0/B0/hunter2';
    for (const secret of ['xoxb-hunter2', '#xoxp-hunter2', 'xoxe.xoxb-hunter2', webhook, `${webhook}/`]) {
      const told = problemOf({ FARGAUGE_SLACK_SECRET_ARN: SECRET, [`FARGAUGE_${name}`]: secret });
      expect(told).toContain(`FARGAUGE_${name} is not`);
      expect(told).not.toContain('hunter2');
    }
  });
});
