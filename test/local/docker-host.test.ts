import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineAddress } from '../../src/local/docker-host.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargauge-docker-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** An environment whose Docker configuration is the test's own. */
const address = (env: Record<string, string>) => engineAddress({ DOCKER_CONFIG: folder, ...env });

function writeContext(name: string, host: string): void {
  const id = createHash('sha256').update(name).digest('hex');
  mkdirSync(join(folder, 'contexts/meta', id), { recursive: true });
  const meta = { Name: name, Endpoints: { docker: { Host: host } } };
  writeFileSync(join(folder, 'contexts/meta', id, 'meta.json'), JSON.stringify(meta));
}

describe('the engine is the one that the docker command would talk to', () => {
  it('by default the one at the well-known socket', () => {
    expect(address({})).toEqual({
      name: 'unix:///var/run/docker.sock',
      source: "Docker's default",
      socketPath: '/var/run/docker.sock',
    });
  });

  it.each([
    ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
    ['tcp://192.0.2.1:4243', { host: '192.0.2.1', port: 4243 }],
    ['tcp://192.0.2.1', { host: '192.0.2.1', port: 2375 }],
    ['tcp://[2001:db8::1]:4243', { host: '2001:db8::1', port: 4243 }],
  ])('DOCKER_HOST=%s', (name, where) => {
    expect(address({ DOCKER_HOST: name })).toEqual({ name, source: 'DOCKER_HOST', ...where });
  });

  it('over TLS with the keys of DOCKER_CERT_PATH', () => {
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, `${name}.pem`), name.toUpperCase());
    const env = { DOCKER_HOST: 'tcp://192.0.2.1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    expect(address(env)).toMatchObject({ port: 2376, tls: { ca: 'CA', cert: 'CERT', key: 'KEY' } });
  });

  it('that of a context, chosen by DOCKER_CONTEXT before docker context use, and after DOCKER_HOST', () => {
    writeContext('desktop', 'unix:///desktop.sock');
    writeContext('other', 'unix:///other.sock');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentContext: 'desktop' }));
    expect(address({})).toMatchObject({
      source: 'the Docker context "desktop"',
      socketPath: '/desktop.sock',
    });
    expect(address({ DOCKER_CONTEXT: 'other' })).toMatchObject({ socketPath: '/other.sock' });
    expect(address({ DOCKER_CONTEXT: 'default' })).toMatchObject({ source: "Docker's default" });
    expect(address({ DOCKER_CONTEXT: 'other', DOCKER_HOST: 'unix:///x' })).toMatchObject({
      socketPath: '/x',
    });
  });
});

describe('an engine that cannot be talked to is refused by name', () => {
  it.each([
    [{ DOCKER_HOST: 'ssh://me@there' }, /DOCKER_HOST says "ssh:\/\/me@there"; .* forward the socket/],
    [
      { DOCKER_HOST: 'docker.example.com' },
      /DOCKER_HOST says "docker\.example\.com"; it must be unix:\/\/\/PATH or/,
    ],
    [{ DOCKER_HOST: 'unix://relative' }, /must be unix:\/\/\/PATH/],
    [{ DOCKER_CONTEXT: 'nowhere' }, /the Docker context "nowhere" cannot be read from .*meta\.json: ENOENT/],
    [
      { DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1' },
      /DOCKER_TLS_VERIFY is set, but .*ca\.pem cannot be read/,
    ],
  ])('%o', (env, message) => {
    expect(() => address(env as Record<string, string>)).toThrow(message);
  });
});
