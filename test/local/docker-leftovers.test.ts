import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { ResourceKind } from '../../src/local/docker-engine.ts';
import { nameOnEngine, ownLabels, removeLeftovers, removeTask } from '../../src/local/docker-leftovers.ts';
import { FakeEngine } from '../support/fake-engine.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function startProcess(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return child as ChildProcess & { readonly pid: number };
}

const labels = (taskId: string, owner: string) => ({ 'fargauge.task': taskId, 'fargauge.owner': owner });
const own = ownLabels('own');
const ownStart = own['fargauge.owner']?.split(' ')[2];

function engineWith(...owners: readonly [taskId: string, owner: string][]): FakeEngine {
  const engine = new FakeEngine();
  for (const [taskId, owner] of owners) {
    const add = (kind: ResourceKind, name: string) =>
      engine.addResource(kind, `${taskId}-${name}`, labels(taskId, owner), [nameOnEngine(taskId, name)]);
    add('containers', 'batch');
    add('networks', 'network');
  }
  return engine;
}

describe('at a start', () => {
  it('what a process left that is no more is removed, containers first', async () => {
    const child = await startProcess();
    const engine = engineWith(['dead', `${hostname()} ${child.pid} 1`]);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    expect(await removeLeftovers(engine)).toEqual(['dead']);
    expect(engine.calls).toEqual(['remove containers dead-batch', 'remove networks dead-network']);
  });

  it('a process of the same number that started at another time is another process', async () => {
    const engine = engineWith(['reused', `${hostname()} ${process.pid} 1`]);
    expect(await removeLeftovers(engine)).toEqual(['reused']);
    expect(engine.remains).toEqual([]);
  });

  it.each([
    ['of a process that is alive', `${hostname()} ${process.pid} ${ownStart}`],
    ['of a process that is alive, whose start is not known', `${hostname()} ${process.pid} `],
    ['of another machine', `not-${hostname()} 1 1`],
    ['whose owner cannot be read', 'somebody'],
  ])('what is %s stays', async (_, owner) => {
    const engine = engineWith(['theirs', owner]);
    expect(await removeLeftovers(engine)).toEqual([]);
    expect(engine.remains).toHaveLength(2);
  });

  it('what somebody made of a container of ours has its labels, and stays', async () => {
    const engine = new FakeEngine();
    const copied = labels('dead', `${hostname()} ${process.pid} 1`);
    engine.addResource('images', 'committed', copied, ['theirs:latest']);
    engine.addResource('images', 'unnamed', copied, []);
    engine.addResource('containers', 'of it', copied, ['elegant_swan']);
    expect(await removeLeftovers(engine)).toEqual([]);
    await removeTask(engine, 'dead');
    expect(engine.remains).toHaveLength(3);
  });

  it('what carries no label of ours stays', async () => {
    const engine = new FakeEngine();
    engine.addResource('volumes', 'data', { 'com.example': '1' });
    await removeLeftovers(engine);
    expect(engine.remains).toEqual(['volumes data']);
  });
});

it('the end of a task removes everything of it and of no other', async () => {
  const engine = engineWith(['one', 'x'], ['two', 'x']);
  await removeTask(engine, 'one');
  expect(engine.remains).toEqual(['containers two-batch', 'networks two-network']);
});
