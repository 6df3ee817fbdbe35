import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const DEFINITION = 'task-definitions/fargate-batch.json';

/** The command with one of its streams on a full disk. */
function onFullDisk(stream: 'stdout' | 'stderr', ...argv: readonly string[]) {
  const full = openSync('/dev/full', 'w');
  const [stdout, stderr] = stream === 'stdout' ? [full, 'pipe' as const] : ['pipe' as const, full];
  const ended = spawnSync(process.execPath, [join(ROOT, 'dist/cli.cjs'), ...argv], {
    cwd: ROOT,
    stdio: ['ignore', stdout, stderr],
    encoding: 'utf8',
  });
  closeSync(full);
  return { exitCode: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

describe('on a full disk', () => {
  it.each(['--help', `inject ${DEFINITION}`, 'report /dev/null', 'report --fail-over 1 /dev/null'])(
    'fargauge %s says that it cannot write, and exits with 2',
    (words) => {
      const { exitCode, stderr } = onFullDisk('stdout', ...words.split(' '));
      expect(stderr.split('\n')).toContain(
        'fargauge: cannot write to stdout: ENOSPC: no space left on device, write',
      );
      expect(exitCode).toBe(2);
    },
  );

  it('does without stderr', () => {
    const { exitCode, stdout } = onFullDisk('stderr', 'inject', '--container', 'nobody', DEFINITION);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    const diff = onFullDisk('stderr', 'inject', '--remove', '--check', '--diff', DEFINITION);
    expect(diff.stdout).toContain('@@');
    expect(diff.exitCode).toBe(1);
  });
});
