import { describe, expect, it } from 'vitest';
import { mayStop, type Progress, readiness } from '../../src/local/docker-dependencies.ts';
import type { Condition } from '../../src/local/docker-task-definition.ts';

const batch = (condition: Condition) => ({
  name: 'batch',
  dependsOn: [{ containerName: 'init', condition }],
});
const ready = (condition: Condition, progress: Progress) => readiness(batch(condition), () => progress);

describe('a container may start', () => {
  const running = { status: 'running' } as const;
  const exited = (exitCode?: number): Progress => ({
    status: 'stopped',
    ...(exitCode !== undefined && { exitCode }),
  });

  it.each<[Condition, Progress, string]>([
    ['START', { status: 'waiting' }, 'waiting'],
    ['START', { status: 'starting' }, 'waiting'],
    ['START', running, 'ready'],
    ['START', exited(1), 'ready'],
    ['COMPLETE', running, 'waiting'],
    ['COMPLETE', exited(1), 'ready'],
    ['COMPLETE', exited(), 'ready'],
    ['COMPLETE', { ...running, isLate: true }, 'init did not reach COMPLETE within its startTimeout'],
    ['SUCCESS', running, 'waiting'],
    ['SUCCESS', exited(0), 'ready'],
    ['SUCCESS', exited(1), 'init stopped with exit code 1'],
    ['SUCCESS', exited(), 'init stopped'],
    ['SUCCESS', { ...exited(0), isLate: true }, 'ready'],
    ['HEALTHY', running, 'waiting'],
    ['HEALTHY', { ...running, isHealthy: true }, 'ready'],
    ['HEALTHY', { ...running, isHealthy: true, isLate: true }, 'ready'],
    ['HEALTHY', { ...exited(0), isHealthy: true }, 'init stopped with exit code 0 before it was healthy'],
  ])('after %s of one that is %o: %s', (condition, progress, expected) => {
    const answer = ready(condition, progress);
    expect('reason' in answer ? answer.reason : answer.state).toBe(expected);
  });

  it('at once when it depends on nothing', () => {
    expect(readiness({ name: 'batch', dependsOn: [] }, () => running)).toEqual({ state: 'ready' });
  });

  it('never, when one of several dependencies will not come, however long the others take', () => {
    const dependsOn = [
      { containerName: 'slow', condition: 'COMPLETE' as const },
      { containerName: 'failed', condition: 'SUCCESS' as const },
    ];
    const progressOf = (name: string) => (name === 'failed' ? exited(1) : running);
    expect(readiness({ name: 'batch', dependsOn }, progressOf)).toMatchObject({ state: 'never' });
  });
});

describe('a container may be stopped', () => {
  const containers = [
    { name: 'batch', dependsOn: [] },
    { name: 'sidecar', dependsOn: [{ containerName: 'batch', condition: 'START' as const }] },
    { name: 'proxy', dependsOn: [{ containerName: 'batch', condition: 'HEALTHY' as const }] },
  ];
  const stopped =
    (...names: readonly string[]) =>
    (name: string): Progress => ({
      status: names.includes(name) ? 'stopped' : 'running',
    });

  it('when all that depend on it have stopped, and not before', () => {
    expect(mayStop('batch', containers, stopped())).toBe(false);
    expect(mayStop('batch', containers, stopped('sidecar'))).toBe(false);
    expect(mayStop('batch', containers, stopped('sidecar', 'proxy'))).toBe(true);
  });

  it('at once when nothing depends on it', () => {
    expect(mayStop('sidecar', containers, stopped())).toBe(true);
  });
});
