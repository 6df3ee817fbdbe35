import { type Engine, EngineError, type Labels } from './docker-engine.ts';
import { type MetadataServer, type MetadataSource, serveMetadata } from './metadata-server.ts';

/** A network for one task on the engine. */
export interface TaskNetwork {
  readonly id: string;
  /** The engine's machine in this network. */
  readonly gateway: string;
  /** Why it is not the one of ECS, in words; absent when it is. */
  readonly deviation?: string;
}

/** Where ECS has the endpoint, and the network around it. */
const ECS_ADDRESS = '169.254.170.2';
const ECS_SUBNET = '169.254.170.0/24';
const ECS_PORT = 80;

/**
 * Makes a network in which the engine's machine itself has the address of ECS's endpoint: as the gateway, so that
 * nothing has to be forwarded and no address has to be added. Where that subnet is in use already, any other.
 */
export async function createTaskNetwork(engine: Engine, name: string, labels: Labels): Promise<TaskNetwork> {
  const body = { Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels };
  const ecs = { IPAM: { Config: [{ Subnet: ECS_SUBNET, Gateway: ECS_ADDRESS }] } };
  let id: string;
  let deviation: string | undefined;
  try {
    id = await engine.createNetwork({ ...body, ...ecs });
  } catch (error) {
    if (!isSubnetTaken(error)) throw error;
    deviation = `${ECS_SUBNET} is in use (${error.message})`;
    id = await engine.createNetwork(body);
  }
  const { IPAM } = await engine.network(id);
  const gateway = IPAM.Config?.find(({ Gateway }) => Gateway?.includes('.'))?.Gateway;
  if (gateway === undefined) throw new EngineError(500, `the network ${name} has no gateway`);
  return { id, gateway, ...(deviation !== undefined && { deviation }) };
}

/** `Pool overlaps with other one on this address space`, or a conflict with another bridge. */
function isSubnetTaken(error: unknown): error is EngineError {
  return error instanceof EngineError && (error.status === 403 || /overlap/i.test(error.message));
}

export interface NetworkEndpoint extends MetadataServer {
  /** Names that the containers need for it beside those they know. */
  readonly extraHosts: readonly string[];
  /** Why it is not where ECS has it, in words; absent when it is. */
  readonly deviation?: string;
}

/** How Docker Desktop's virtual machine calls the machine that it runs on. */
const DESKTOP_HOST = 'host.docker.internal';
/** Without a reason of ours: whatever else comes is an error. */
const WHY_NOT_PORT_80: Readonly<Record<string, string>> = {
  EACCES: 'only root may listen on port 80',
  EADDRINUSE: 'port 80 is taken',
};

/**
 * Serves the metadata where the containers of the network reach it: at http://169.254.170.2, as on ECS, or as close
 * to it as this machine allows.
 */
export async function serveOnNetwork(
  source: MetadataSource,
  { gateway, deviation }: TaskNetwork,
): Promise<NetworkEndpoint> {
  const serve = (host: string, port: number) => serveMetadata(source, () => {}, { host, port });
  try {
    const server = await serve(gateway, ECS_PORT);
    return { ...server, extraHosts: [], ...(deviation !== undefined && { deviation }) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EADDRNOTAVAIL') {
      // The bridge is on another machine: that of Docker Desktop, whose containers reach our loopback by name.
      const server = await serve('127.0.0.1', 0);
      return {
        ...server,
        origin: `http://${DESKTOP_HOST}:${new URL(server.origin).port}`,
        extraHosts: [`${DESKTOP_HOST}:host-gateway`],
        deviation: `${gateway} is not on this machine: the engine runs on another, or in a virtual one`,
      };
    }
    const reason = WHY_NOT_PORT_80[code];
    if (reason === undefined) throw error;
    return { ...(await serve(gateway, 0)), extraHosts: [], deviation: reason };
  }
}
