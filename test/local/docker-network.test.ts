import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../src/local/docker-engine.ts';
import { createTaskNetwork, type NetworkEndpoint, serveOnNetwork } from '../../src/local/docker-network.ts';
import { DockerTask } from '../../src/local/docker-task.ts';
import { FakeEngine } from '../support/fake-engine.ts';

const open: Pick<NetworkEndpoint, 'close'>[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const task = () =>
  new DockerTask({ family: 'f', launchType: 'EC2', networkMode: 'bridge', refreshMs: 1000, nowMs: 0 });

async function serve(gateway: string): Promise<NetworkEndpoint> {
  const endpoint = await serveOnNetwork(task(), { id: 'network', gateway });
  open.push(endpoint);
  return endpoint;
}

describe('the network of a task', () => {
  it('is the one of ECS, with the address of its endpoint as the gateway', async () => {
    const engine = new FakeEngine();
    const bodies: unknown[] = [];
    const create = engine.createNetwork.bind(engine);
    engine.createNetwork = (body) => {
      bodies.push(body);
      return create(body);
    };
    engine.gateway = '169.254.170.2';
    const network = await createTaskNetwork(engine, 'name', { a: 'b' });
    expect(network).toEqual({ id: 'network', gateway: '169.254.170.2' });
    expect(bodies).toEqual([
      expect.objectContaining({
        Name: 'name',
        Labels: { a: 'b' },
        IPAM: { Config: [{ Subnet: '169.254.170.0/24', Gateway: '169.254.170.2' }] },
      }),
    ]);
  });

  it('is any other where that one is in use', async () => {
    const engine = new FakeEngine();
    engine.isSubnetTaken = true;
    engine.gateway = '172.20.0.1';
    expect(await createTaskNetwork(engine, 'name', {})).toEqual({
      id: 'network',
      gateway: '172.20.0.1',
      deviation: '169.254.170.0/24 is in use (Pool overlaps with other one on this address space)',
    });
  });

  it('is not made when the engine fails at something else, and the reason is the engine’s', async () => {
    const engine = new FakeEngine();
    engine.createNetwork = () => Promise.reject(new EngineError(500, 'no space left on device'));
    await expect(createTaskNetwork(engine, 'name', {})).rejects.toThrow('no space left on device');
  });
});

describe('the endpoint in a network', () => {
  it('is at its gateway, on another port than 80 where that one is not to be had, and says why', async () => {
    // Taken where we may take it, and forbidden where we may not.
    const server = createServer();
    await new Promise((resolve) => {
      server.once('listening', resolve).once('error', resolve).listen(80, '127.0.0.2');
    });
    open.push({ close: async () => void server.close() });
    const { origin, deviation, extraHosts } = await serve('127.0.0.2');
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
    expect(deviation).toMatch(/^(port 80 is taken|only root may listen on port 80)$/);
    expect(extraHosts).toEqual([]);
    expect((await fetch(`${origin}/v4/host/task`)).status).toBe(200);
  });

  it('is on loopback, by the name that Docker Desktop gives it, where the gateway is on another machine', async () => {
    // TEST-NET-1 of RFC 5737: nobody has it.
    const { origin, deviation, extraHosts } = await serve('192.0.2.1');
    expect(origin).toMatch(/^http:\/\/host\.docker\.internal:\d+$/);
    expect(extraHosts).toEqual(['host.docker.internal:host-gateway']);
    expect(deviation).toMatch(/^192\.0\.2\.1 is not on this machine/);
    const { port } = new URL(origin);
    expect((await fetch(`http://127.0.0.1:${port}/v4/host/task`)).status).toBe(200);
  });
});
