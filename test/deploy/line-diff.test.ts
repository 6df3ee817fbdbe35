import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../src/deploy/line-diff.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargauge-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

function patched(before: string, diff: string): string {
  const file = join(folder, 'file');
  writeFileSync(file, before);
  const { status, stdout } = spawnSync('git', ['apply', '--unidiff-zero', '--whitespace=nowarn', '-p0'], {
    cwd: folder,
    input: diff,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`git apply refuses ${JSON.stringify(diff)}: ${stdout}`);
  return readFileSync(file, 'utf8');
}

describe('the unified diff', () => {
  it('is empty for equal texts', () => {
    expect(unifiedDiff('a\nb\n', 'a\nb\n', 'file')).toBe('');
  });

  it('shows changes with three lines around them, far ones apart', () => {
    const before = Array.from({ length: 20 }, (_, line) => `${line}\n`);
    const after = before.toSpliced(2, 1, 'two\n').toSpliced(15, 0, 'added\n');
    expect(unifiedDiff(before.join(''), after.join(''), 'file')).toBe(
      '--- file\n+++ file\n@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+two\n 3\n 4\n 5\n' +
        '@@ -13,6 +13,7 @@\n 12\n 13\n 14\n+added\n 15\n 16\n 17\n',
    );
  });

  it('of two long texts costs what lies between their differences', () => {
    const before = Array.from({ length: 100_000 }, (_, line) => `${line}\n`);
    const after = before.toSpliced(50_000, 0, 'added\n');
    expect(unifiedDiff(before.join(''), after.join(''), 'file')).toBe(
      '--- file\n+++ file\n@@ -49998,6 +49998,7 @@\n 49997\n 49998\n 49999\n+added\n 50000\n 50001\n 50002\n',
    );
  });

  it('says where a text ends without a line break', () => {
    expect(unifiedDiff('a', 'a\n', 'file')).toBe(
      '--- file\n+++ file\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n',
    );
  });

  it('is taken by git apply, whatever the texts', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 12 })
      .map((lines) => `${lines.join('\n')}\n`);
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after);
        expect(patched(before, unifiedDiff(before, after, 'file'))).toBe(after);
      }),
      { numRuns: 40 },
    );
  });
});
