import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

export interface RefusingPort {
  /** Of 127.0.0.1. */
  readonly port: number;
  close(): void;
}

/**
 * A port at which nobody listens, and nobody will: a connection of ours has it. One that a server has given up may be
 * the next server's, of another test.
 */
export async function refusingPort(): Promise<RefusingPort> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const holder = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(holder, 'connect')]);
  return {
    port: holder.localPort ?? 0,
    close() {
      holder.destroy();
      accepted.destroy();
      server.close();
    },
  };
}
