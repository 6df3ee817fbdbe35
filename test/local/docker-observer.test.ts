import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DockerObserver } from '../../src/local/docker-observer.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEngine } from '../support/fake-engine.ts';

let engine: FakeEngine;
let clock: FakeClock;
let observer: DockerObserver;
let seen: string[];
let errors: string[];
let end: AbortController;
let observing: Promise<void>;

beforeEach(async () => {
  engine = new FakeEngine();
  clock = new FakeClock(engine.now);
  [seen, errors] = [[], []];
  end = new AbortController();
  observer = new DockerObserver({
    engine,
    labels: ['team=night'],
    refreshMs: 1000,
    clock,
    onContainer: (name) => seen.push(name),
    onError: ({ message }) => errors.push(message),
  });
  await run('early', { team: 'night' });
  await run('theirs', {});
  observing = observer.observe(end.signal);
});
afterEach(async () => {
  end.abort();
  await observing;
  const told = [...errors];
  await setImmediate();
  expect(errors).toEqual(told);
});

async function run(name: string, labels: Record<string, string>): Promise<void> {
  const HostConfig = {
    Memory: 64 * 1024 * 1024,
    CpuShares: 512,
    LogConfig: { Type: 'json-file', Config: {} },
  };
  await engine.createContainer(name, { Image: 'image', Labels: labels, HostConfig });
  await engine.startContainer(name);
}

const shown = () => (observer.task.task('v4').Containers ?? []) as Record<string, unknown>[];

describe('the containers that run already', () => {
  it('are one task, as far as they have the labels', async () => {
    await eventually(() => expect(seen).toEqual(['early']));
    expect(observer.task.task('v4')).toMatchObject({ Family: 'local', LaunchType: 'EC2' });
    expect(shown()).toMatchObject([
      {
        DockerId: 'early',
        Name: 'early',
        Image: 'image',
        KnownStatus: 'RUNNING',
        Limits: { CPU: 512, Memory: 64 },
        LogDriver: 'json-file',
      },
    ]);
    expect(observer.task.container('early', 'v4')).toMatchObject({ Name: 'early' });
  });

  it('are joined by those that come later', async () => {
    await run('late', { team: 'night' });
    await eventually(() => {
      clock.advance(1000);
      expect(seen).toEqual(['early', 'late']);
    });
  });

  it('keep their end when they have ended, also one that the engine has removed', async () => {
    await run('removed', { team: 'night' });
    await eventually(() => {
      clock.advance(1000);
      expect(seen).toEqual(['early', 'removed']);
    });
    engine.exit('early', 3);
    await eventually(() => expect(shown()[0]).toMatchObject({ KnownStatus: 'STOPPED', ExitCode: 3 }));
    await engine.remove('containers', 'removed');
    await eventually(() => expect(shown()[1]).toMatchObject({ KnownStatus: 'STOPPED' }));
    expect(shown()[1]).not.toHaveProperty('ExitCode');
  });

  it('are taken up anew when they are started again', async () => {
    await eventually(() => expect(seen).toEqual(['early']));
    engine.exit('early', 3);
    await eventually(() => expect(shown()).toMatchObject([{ KnownStatus: 'STOPPED', ExitCode: 3 }]));
    engine.now += 60_000;
    await engine.startContainer('early');
    await eventually(() => {
      clock.advance(1000);
      expect(shown()).toMatchObject([
        { KnownStatus: 'RUNNING', StartedAt: '2026-01-05T03:01:00.000000000Z' },
      ]);
    });
    expect(shown()[0]).not.toHaveProperty('ExitCode');
    engine.exit('early', 4);
    await eventually(() => expect(shown()).toMatchObject([{ KnownStatus: 'STOPPED', ExitCode: 4 }]));
  });

  it('are followed to their end where their stats cannot be read, which is told', async () => {
    await eventually(() => expect(engine.isMeasured('early')).toBe(true));
    engine.sample('early', {});
    await eventually(() => expect(errors).toHaveLength(1));
    engine.exit('early', 3);
    await eventually(() => expect(shown()).toMatchObject([{ KnownStatus: 'STOPPED', ExitCode: 3 }]));
  });

  it('have their stats while they run', async () => {
    await eventually(() => expect(engine.isMeasured('early')).toBe(true));
    const cpu_stats = {
      cpu_usage: { total_usage: 9, usage_in_kernelmode: 0, usage_in_usermode: 9 },
      throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
    };
    engine.sample('early', { read: '2026-01-05T03:00:01Z', cpu_stats });
    await eventually(() =>
      expect(observer.task.containerStats('early', 'v4')).toMatchObject({
        cpu_stats: { cpu_usage: { total_usage: 9 } },
      }),
    );
  });
});

it('an engine that fails is told once, and asked again', async () => {
  await eventually(() => expect(seen).toEqual(['early']));
  const list = engine.list.bind(engine);
  let failureCount = 0;
  engine.list = () => {
    failureCount += 1;
    return Promise.reject(new Error('away'));
  };
  await eventually(() => {
    clock.advance(1000);
    expect(failureCount).toBeGreaterThan(2);
  });
  engine.list = list;
  await run('late', { team: 'night' });
  await eventually(() => {
    clock.advance(1000);
    expect(seen).toEqual(['early', 'late']);
  });
  expect(errors).toEqual(['away']);
});
