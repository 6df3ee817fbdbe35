import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ContainerLog } from '../../src/cli/container-log.ts';

function stage({ colour = false } = {}) {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const lost: string[] = [];
  const options = { colour, onLost: (reason: string) => void lost.push(reason) };
  const log = new ContainerLog(['batch', 'fargauge'], { stdout, stderr }, options);
  return { log, stdout, stderr, lost };
}

describe('what containers write', () => {
  it('goes to the stream it was written to, with the name before it, in a column', async () => {
    const { log, stdout, stderr } = stage();
    await log.write('batch', { source: 'stdout', text: 'one' });
    await log.write('fargauge', { source: 'stdout', text: '{"type":"START"}' });
    await log.write('batch', { source: 'stderr', text: 'error' });
    expect(stdout.read()).toBe('batch    | one\nfargauge | {"type":"START"}\n');
    expect(stderr.read()).toBe('batch    | error\n');
  });

  it('has a colour of its own for each name on a terminal, and none in the text', async () => {
    const { log, stdout } = stage({ colour: true });
    await log.write('batch', { source: 'stdout', text: 'one' });
    await log.write('fargauge', { source: 'stdout', text: 'two' });
    expect(stdout.read()).toBe('\u001b[36mbatch    |\u001b[39m one\n\u001b[33mfargauge |\u001b[39m two\n');
  });

  it('is lost when its reader has gone, which is told once, and nobody waits for it', async () => {
    const lost: string[] = [];
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const log = new ContainerLog(
      ['batch'],
      { stdout: broken, stderr: new PassThrough() },
      { colour: false, onLost: (reason) => void lost.push(reason) },
    );
    await log.write('batch', { source: 'stdout', text: 'one' });
    await log.write('batch', { source: 'stdout', text: 'two' });
    expect(lost).toEqual(['stdout takes no more lines: EPIPE']);
  });
});
