import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mentionsIn, messageProblem } from '../support/slack-message.ts';
import { EVENTS, expectedNoticePath, noticeAsText, noticeOf } from './recorded-events.ts';

describe('the notices of recorded events', () => {
  it('are of every kind', () => {
    const kinds = EVENTS.map((name) => noticeOf(name)).map((notice) =>
      'skip' in notice ? notice.skip : notice.result,
    );
    expect(new Set(kinds)).toEqual(new Set(['success', 'failure', 'stopped', 'other-event', 'not-stopped']));
  });

  it.each(EVENTS)('%s gives the expected one (npm run golden makes them)', (name) => {
    expect(noticeAsText(name)).toBe(readFileSync(expectedNoticePath(name), 'utf8'));
  });

  it.each(EVENTS)('%s gives one that Slack takes, and that mentions only when the run failed', (name) => {
    const notice = noticeOf(name);
    if ('skip' in notice) return;
    expect(messageProblem({ ...notice.message })).toBeUndefined();
    expect(mentionsIn({ ...notice.message })).toEqual(notice.result === 'failure' ? ['!here'] : []);
  });
});
