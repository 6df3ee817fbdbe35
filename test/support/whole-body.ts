import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * Of a request or an answer. Undefined when the other side breaks off before its end, as one that gives up in time may
 * do before it was heard: that is no error of the server, which has nobody to answer then.
 */
export async function wholeBody(message: IncomingMessage): Promise<string | undefined> {
  try {
    return await text(message);
  } catch {
    return undefined;
  }
}
