import type { Document } from './document.ts';

/** What one `_bulk` request may hold. */
export interface RequestLimits {
  readonly maxBytes: number;
  readonly maxDocuments: number;
}

/**
 * The smallest instances of Amazon OpenSearch Service take requests of 10 MiB ("Amazon OpenSearch Service quotas",
 * network limits); half of that leaves a node of little memory room for more than one at a time.
 */
export const REQUEST_LIMITS: RequestLimits = { maxBytes: 5 * 1024 * 1024, maxDocuments: 5_000 };

/** Documents cut into requests, in their order; a document that is too large for one gets one of its own. */
export function* packRequests<D extends Document>(
  documents: readonly D[],
  { maxBytes, maxDocuments }: RequestLimits,
): Generator<readonly D[]> {
  let start = 0;
  let bytes = 0;
  for (const [at, document] of documents.entries()) {
    const documentBytes = Buffer.byteLength(actionOf(document)) + Buffer.byteLength(document.json) + 2;
    const isFull = bytes + documentBytes > maxBytes || at - start >= maxDocuments;
    if (isFull && at > start) {
      yield documents.slice(start, at);
      start = at;
      bytes = 0;
    }
    bytes += documentBytes;
  }
  if (start < documents.length) yield documents.slice(start);
}

/**
 * A `_bulk` body in which each document is made unless its id is there. Without `_type`, which OpenSearch refuses and
 * Elasticsearch 7 does not need.
 */
export function bulkBody(documents: readonly Document[]): string {
  let body = '';
  for (const document of documents) body += `${actionOf(document)}\n${document.json}\n`;
  return body;
}

function actionOf({ index, id }: Document): string {
  return JSON.stringify({ create: { _index: index, _id: id } });
}
