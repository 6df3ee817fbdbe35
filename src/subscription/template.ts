import { isTransient, reasonIn } from './bulk-answer.ts';
import { INDEX_TEMPLATE_NAME, indexTemplate } from './index-template.ts';
import type { SearchAnswer, SearchClient, SearchRequest } from './search-client.ts';

/**
 * - `there`: as somebody put it, whatever it holds.
 * - `put`: by us, now.
 * - `later`: not known; asking again may help.
 * - `refused`: it may be missing, and we may not put it.
 */
export type TemplateState =
  | { readonly kind: 'there' | 'put' }
  | { readonly kind: 'later' | 'refused'; readonly reason: string };

const PATH = `/_index_template/${INDEX_TEMPLATE_NAME}`;
const TIMEOUT_MS = 30_000;

/**
 * Puts the index template where there is none: without it the engine would guess types from the first line of each day.
 * One that is there stays, also when several look at once.
 */
export async function ensureTemplate(client: SearchClient, timeoutMs = TIMEOUT_MS): Promise<TemplateState> {
  const found = await client.ask({ method: 'HEAD', path: PATH }, timeoutMs);
  if (found.kind === 'answer' && found.status === 200) return { kind: 'there' };
  if (found.kind !== 'answer' || found.status !== 404) return failed(found);
  const put = await client.ask({ ...putRequest(), query: { create: 'true' } }, timeoutMs);
  // Somebody else was faster.
  if (put.kind === 'answer' && put.status === 400 && put.body.includes('already exists')) {
    return { kind: 'there' };
  }
  return isPut(put) ? { kind: 'put' } : failed(put);
}

/** Puts the index template in the place of one that is there: indices of later days have it. */
export async function putTemplate(client: SearchClient): Promise<TemplateState> {
  const put = await client.ask(putRequest(), TIMEOUT_MS);
  return isPut(put) ? { kind: 'put' } : failed(put);
}

function putRequest(): SearchRequest {
  const text = JSON.stringify(indexTemplate());
  return { method: 'PUT', path: PATH, body: { type: 'application/json', text } };
}

function isPut(answer: SearchAnswer): boolean {
  return answer.kind === 'answer' && answer.status === 200;
}

function failed(answer: SearchAnswer): TemplateState {
  if (answer.kind !== 'answer') {
    return { kind: answer.kind === 'transient' ? 'later' : 'refused', reason: answer.reason };
  }
  const reason = `status ${answer.status}${reasonIn(answer.body)}`;
  return { kind: isTransient(answer.status) ? 'later' : 'refused', reason };
}
