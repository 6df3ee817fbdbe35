import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a Docker Engine listens, and who says so. */
export interface EngineAddress {
  /** As Docker writes it: `unix:///var/run/docker.sock`, `tcp://HOST:PORT`. */
  readonly name: string;
  /** `DOCKER_HOST`, a Docker context, or the default. */
  readonly source: string;
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  /** For tcp with TLS: PEM texts. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** The environment names no engine that can be talked to. */
export class EngineAddressError extends Error {
  override readonly name = 'EngineAddressError';
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ADDRESS = 'unix:///var/run/docker.sock';
/** Ports that Docker registered for itself, without and with TLS. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/**
 * The engine that the `docker` command would talk to: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT`, else the
 * one that `docker context use` chose, else the default socket (docker/cli, cli/command/cli.go, resolveContextName).
 * @throws EngineAddressError
 */
export function engineAddress(env: Environment): EngineAddress {
  const { DOCKER_HOST: host } = env;
  if (host) return parse(host, 'DOCKER_HOST', env);
  const context = env.DOCKER_CONTEXT || chosenContext(env);
  if (!context || context === 'default') return parse(DEFAULT_ADDRESS, "Docker's default", env);
  return parse(hostOfContext(context, env), `the Docker context ${JSON.stringify(context)}`, env);
}

function parse(name: string, source: string, env: Environment): EngineAddress {
  const [scheme, rest = ''] = name.split('://');
  if (scheme === 'unix' && rest.startsWith('/')) return { name, source, socketPath: rest };
  if ((scheme === 'tcp' || scheme === 'http') && URL.canParse(`http://${rest}`)) {
    const { hostname, port } = new URL(`http://${rest}`);
    const tls = tlsFiles(env);
    return {
      name,
      source,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (tls ? TLS_PORT : PLAIN_PORT),
      ...(tls && { tls }),
    };
  }
  const hint =
    scheme === 'ssh'
      ? '; over SSH, forward the socket: ssh -N -L /tmp/docker.sock:/var/run/docker.sock HOST, and set ' +
        'DOCKER_HOST=unix:///tmp/docker.sock'
      : '';
  throw new EngineAddressError(
    `${source} says ${JSON.stringify(name)}; it must be unix:///PATH or tcp://HOST:PORT${hint}`,
  );
}

function tlsFiles(env: Environment): EngineAddress['tls'] {
  if (!env.DOCKER_TLS_VERIFY) return undefined;
  const folder = env.DOCKER_CERT_PATH || configFolder(env);
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch (cause) {
      throw new EngineAddressError(
        `DOCKER_TLS_VERIFY is set, but ${join(folder, name)} cannot be read: ${(cause as Error).message}`,
        { cause },
      );
    }
  }) as [string, string, string];
  return { ca, cert, key };
}

function configFolder(env: Environment): string {
  return env.DOCKER_CONFIG || join(homedir(), '.docker');
}

function chosenContext(env: Environment): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(configFolder(env), 'config.json'), 'utf8');
  } catch {
    // Docker itself does without.
    return undefined;
  }
  return (JSON.parse(text) as { currentContext?: string }).currentContext;
}

/** A context lies in a folder named after the hash of its name (docker/cli, cli/context/store). */
function hostOfContext(context: string, env: Environment): string {
  const id = createHash('sha256').update(context).digest('hex');
  const file = join(configFolder(env), 'contexts/meta', id, 'meta.json');
  try {
    const meta = JSON.parse(readFileSync(file, 'utf8')) as { Endpoints: { docker: { Host: string } } };
    return meta.Endpoints.docker.Host;
  } catch (cause) {
    throw new EngineAddressError(
      `the Docker context ${JSON.stringify(context)} cannot be read from ${file}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
