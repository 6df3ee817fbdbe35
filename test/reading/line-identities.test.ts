import { expect, it } from 'vitest';
import { LineIdentities } from '../../src/reading/line-identities.ts';

it('each of many lines is new once, and known the second time', () => {
  const identities = new LineIdentities();
  const lines = Array.from({ length: 50_000 }, (_, index) => ({
    taskId: `${(index >> 2).toString(16).padStart(31, '0')}d`,
    seq: (index & 3) + 1,
  }));
  expect(lines.filter(({ taskId, seq }) => identities.add(taskId, seq))).toHaveLength(lines.length);
  expect(lines.filter(({ taskId, seq }) => identities.add(taskId, seq))).toHaveLength(0);
  expect(identities.count).toBe(lines.length);
});

it('a line is known without being added', () => {
  const identities = new LineIdentities();
  identities.add('task', 1);
  expect(identities.has('task', 1)).toBe(true);
  expect(identities.has('task', 2)).toBe(false);
  expect(identities.has('other', 1)).toBe(false);
  expect(identities.count).toBe(1);
});
