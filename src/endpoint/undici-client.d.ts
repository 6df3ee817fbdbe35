/**
 * undici's client alone. Its index brings fetch, web sockets, caches and cookies, which this program never uses and
 * which would cost the sidecar 4 MB of memory.
 */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}
