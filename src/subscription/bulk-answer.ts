/**
 * What the engine's answer to a `_bulk` request means. Pure.
 *
 * Seen on OpenSearch 2.19.1 and Elasticsearch 7.10.2: a node that is overloaded says 429 to the whole request or, inside
 * a 200, to some of its documents; a disk that is full makes each document's status 429 (`cluster_block_exception`), an
 * index that may not be written 403, one that may not be made 404, a field of another type 400. 409 is a document that
 * is there already.
 */

/**
 * - `indexed`, `copy`: it is in the index, now or since before.
 * - `later`: the same may succeed later.
 * - `never`: not as it is, or not before somebody has changed something.
 */
export type Verdict =
  | { readonly kind: 'indexed' | 'copy' }
  | { readonly kind: 'later' | 'never'; readonly reason: string };

/**
 * - `items`: one verdict for each document, in their order.
 * - `later`: none of it is known to be in the index; the same may succeed later.
 * - `smaller`: too large, as a whole or with something in it that spoils it: parts of it may succeed.
 * - `unauthorized`: who we are, or that we may, is not accepted.
 * - `never`: the same will not succeed, nor a part of it.
 */
export type BulkAnswer =
  | { readonly kind: 'items'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'later' | 'smaller' | 'unauthorized' | 'never'; readonly reason: string };

/** Only what is needed comes back: an answer about 5,000 documents stays below half a megabyte. */
export const BULK_FILTER = 'items.*.status,items.*.error.type,items.*.error.reason,error';

/** A reason may hold what stands in a document, at any length. */
const MAX_REASON_LENGTH = 300;

/**
 * @param documentCount how many the request held
 */
export function readBulkAnswer(status: number, body: string, documentCount: number): BulkAnswer {
  if (status === 200) return readItems(body, documentCount);
  const reason = cut(`status ${status}${reasonIn(body)}`);
  if (status === 413 || status === 400) return { kind: 'smaller', reason };
  if (status === 401 || status === 403) return { kind: 'unauthorized', reason };
  if (isTransient(status)) return { kind: 'later', reason };
  return { kind: 'never', reason };
}

/** Of an answer, or of one document in it. 408 and 5xx come from load balancers as well. */
export function isTransient(status: number): boolean {
  return status === 429 || status === 408 || status >= 500;
}

function readItems(body: string, documentCount: number): BulkAnswer {
  const { items } = asFields(parsed(body));
  // A proxy's page, for one.
  if (!Array.isArray(items)) return { kind: 'later', reason: `no answer of _bulk: ${excerpt(body)}` };
  if (items.length !== documentCount) {
    return { kind: 'later', reason: `the answer has ${items.length} items for ${documentCount} documents` };
  }
  return { kind: 'items', verdicts: items.map((item) => verdictOf(asFields(asFields(item).create))) };
}

function verdictOf({ status, error }: Readonly<Record<string, unknown>>): Verdict {
  if (status === 200 || status === 201) return { kind: 'indexed' };
  if (status === 409) return { kind: 'copy' };
  if (typeof status !== 'number') return { kind: 'later', reason: 'an item without a status' };
  const reason = cut(`status ${status}${errorText(error)}`);
  return { kind: isTransient(status) ? 'later' : 'never', reason };
}

/** `{"error": {"type", "reason"}}` of the engine, `{"Message"}` or `{"message"}` of AWS before it, or a page. */
export function reasonIn(body: string): string {
  if (body.trim() === '') return '';
  const document = parsed(body);
  if (document === undefined) return `: ${excerpt(body)}`;
  const { error, message, Message } = asFields(document);
  if (typeof message === 'string') return `: ${message}`;
  if (typeof Message === 'string') return `: ${Message}`;
  return errorText(error) || `: ${excerpt(body)}`;
}

function errorText(error: unknown): string {
  if (typeof error === 'string') return `: ${error}`;
  const { type, reason } = asFields(error);
  const texts = [type, reason].filter((text) => typeof text === 'string');
  return texts.map((text) => `: ${text}`).join('');
}

export function cut(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH)}…` : reason;
}

function excerpt(body: string): string {
  return JSON.stringify(body.slice(0, 100));
}

function asFields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
