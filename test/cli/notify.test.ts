import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { notifyCommand } from '../../src/cli/notify.ts';
import { parseEvent } from '../../src/notifier/stopped-task.ts';
import { eventPath, expectedNoticePath, linesOfTask, readEvent } from '../notifier/recorded-events.ts';
import { messageProblem } from '../support/slack-message.ts';

const CLI = join(import.meta.dirname, '../../dist/cli.cjs');
const folder = mkdtempSync(join(tmpdir(), 'fargauge-notify-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function notify(argv: readonly string[], input = '', isTTY = false) {
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY })];
  const exitCode = await notifyCommand.run(argv, { stdin: Readable.from([input]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The built command, with an environment in which nothing can be reached. */
async function built(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [CLI, 'notify', ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { exitCode, stdout, stderr };
}

describe('fargauge notify --dry-run', () => {
  const name = 'fargate-out-of-memory';

  it('prints the message for an event, and on a terminal where it would go', async () => {
    const options = ['--event', eventPath(name), '--dry-run'];
    const { exitCode, stdout, stderr } = await notify(options);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const seen = await notify(options, '', true);
    expect(seen).toEqual({
      exitCode: 0,
      stdout,
      stderr: 'fargauge notify: for the failure channel; nothing was sent\n',
    });
    const message = JSON.parse(stdout);
    expect(messageProblem(message)).toBeUndefined();
    expect(message.text).toBe('❌ nightly-batch failed: OutOfMemory, duration 26 min 10 s, task 5b64c49e');
  });

  it('has the figures when the lines are given', async () => {
    const parsed = parseEvent(readEvent(name));
    const task = parsed.kind === 'task' ? parsed.task : undefined;
    const recorded = task ? linesOfTask(task, 'ec2-bridge-cgroup-v2') : [];
    // As aws logs tail prints them.
    const printed = recorded.map((line) => `2026-11-21T02:15:07.543Z ecs/batch/${task?.taskId} ${line}`);
    const lines = file('lines', ['noise', ...printed, ''].join('\n'));
    const { stdout } = await notify(
      ['--event', '-', '--lines', lines, '--dry-run'],
      readFileSync(eventPath(name), 'utf8'),
    );
    const { message: expected } = JSON.parse(readFileSync(expectedNoticePath(name), 'utf8'));
    // A notice of the function also mentions, and links to the log.
    expect(JSON.parse(stdout).text).toBe(expected.text.replace(' <!here>', ''));
    expect(JSON.parse(stdout).blocks[2]).toEqual(expected.blocks[2]);
    const other = await notify(['--event', eventPath('ec2-success'), '--lines', lines, '--dry-run']);
    expect(other.stdout).toContain('No figures: the log holds no REPORT of this task.');
  });

  it('says why an event gives no notice', async () => {
    expect(await notify(['--event', eventPath('fargate-running'), '--dry-run'])).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'fargauge notify: no notice: the task has not stopped yet: its lastStatus is not STOPPED\n',
    });
  });

  it('reads an event behind a byte order mark', async () => {
    const event = `\uFEFF${readFileSync(eventPath(name), 'utf8')}`;
    expect(await notify(['--event', '-', '--dry-run'], event)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('refuses what is no event, and says how it comes out of the queue', async () => {
    for (const nothing of ['7', 'null', '[]', '{"lastStatus":"STOPPED"}']) {
      expect(await notify(['--event', '-', '--dry-run'], nothing)).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: 'fargauge notify: - is no event of EventBridge: it has no source and no detail-type\n',
      });
    }
    const received = JSON.stringify({ Messages: [{ Body: readFileSync(eventPath(name), 'utf8') }] });
    expect(await notify(['--event', '-'], received)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(
        "an answer of SQS; the event is what --query 'Messages[0].Body' --output text prints",
      ),
    });
  });

  it('tells what cannot be read', async () => {
    expect(await notify(['--event', join(folder, 'none'), '--dry-run'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^fargauge notify: cannot read .*none: ENOENT/),
    });
    expect(await notify(['--event', file('cut', '{"source":'), '--dry-run'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/cut is not JSON/),
    });
    await expect(notify(['--dry-run'])).rejects.toThrow('name the event with --event FILE');
    await expect(notify(['--event', '-', '--lines', 'x'])).rejects.toThrow(
      '--lines makes sense with --dry-run only',
    );
  });

  it('works as it was built, without AWS or Slack', async () => {
    const { exitCode, stdout } = await built(['--event', eventPath(name), '--dry-run']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).blocks).toHaveLength(4);
  });
});

describe('fargauge notify', () => {
  it('needs the function’s settings to send', async () => {
    const { exitCode, stderr } = await built(['--event', eventPath('ec2-success')]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('FARGAUGE_SLACK_SECRET_ARN is not set');
  });
});
