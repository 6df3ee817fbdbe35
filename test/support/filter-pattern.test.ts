import { describe, expect, it } from 'vitest';
import { parseFilterPattern } from './filter-pattern.ts';

/** From the CloudWatch Logs user guide, which says of each pattern whether it matches. */
const EVENT = {
  eventType: 'UpdateTrail',
  sourceIPAddress: '111.111.111.111',
  bandwidth: 80,
  errorCode: 400,
  flag: true,
  user: { id: 1, email: 'John.Stiles@example.com' },
  actions: ['GET'],
};

function matches(pattern: string, event: unknown = EVENT): boolean {
  return parseFilterPattern(pattern)(typeof event === 'string' ? event : JSON.stringify(event));
}

describe('a filter pattern', () => {
  it.each([
    '{ $.eventType = "UpdateTrail" }',
    '{ $.eventType = UpdateTrail }',
    '{ $.eventType = "Update*" }',
    '{ $.sourceIPAddress != 123.123.* }',
    '{ $.bandwidth > 75 }',
    '{ $.bandwidth <= 80 && $.bandwidth >= 80 }',
    '{ $.errorCode = 400}',
    '{ $.errorCode = 4* }',
    '{ $.errorCode != 500 }',
    '{ $.bandwidth = 8e+1 }',
    '{ $.bandwidth = * }',
    '{ $.SomeOtherObject NOT EXISTS }',
    '{ ($.user.id = 1) && ($.user.email = "John.Stiles@example.com") }',
    // && binds closer than ||.
    '{ $.user.email = "John.Stiles@example.com" || $.user.id = 2 && $.errorCode = 1 }',
  ])('%s matches', (pattern) => {
    expect(matches(pattern)).toBe(true);
  });

  it.each([
    '{ $.eventType = "updatetrail" }',
    '{ $.eventType = "Trail" }',
    '{ $.bandwidth > 80 }',
    '{ $.eventType > 1 }',
    '{ $.missing = * }',
    '{ $.missing < 1 }',
    '{ $.user = * }',
    '{ $.actions = * }',
    '{ $.flag = * }',
    '{ $.eventType NOT EXISTS }',
    '{ ($.user.email = "John.Stiles@example.com" || $.user.id = 2) && $.errorCode = 1 }',
  ])('%s does not match', (pattern) => {
    expect(matches(pattern)).toBe(false);
  });

  it.each(['', 'START RequestId', '[1]', 'null', '"type"', '{"eventType":'])(
    'does not match %j, which is no JSON object',
    (message) => {
      expect(matches('{ $.eventType NOT EXISTS }', message)).toBe(false);
    },
  );

  it.each([
    'ERROR',
    '{ $.a = 1',
    '{ $.a }',
    '{ $.a = }',
    '{ $.a = 1 } x',
    '{ a = 1 }',
    '{ $.a > x }',
    '{ $.a IS TRUE }',
    '{ $.a[0] = 1 }',
    '{ $.a = %x% }',
    '{ $.a = 1 & $.b = 2 }',
  ])('%s is refused', (pattern) => {
    expect(() => parseFilterPattern(pattern)).toThrow(SyntaxError);
  });

  it.each(['{ $.missing != 1 }', '{ $.errorCode = "400" }'])(
    '%s is not judged, because the user guide leaves it open',
    (pattern) => {
      expect(() => matches(pattern)).toThrow('the page leaves it open');
    },
  );
});
