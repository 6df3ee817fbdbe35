import { isTransient, reasonIn } from './bulk-answer.ts';
import { INDEX_TEMPLATE_NAME, indexTemplate } from './index-template.ts';
import type { SearchAnswer, SearchClient, SearchRequest } from './search-client.ts';

/**
 * - `there`: as somebody put it, whatever it holds.
 * - `put`: by us, now.
 * - `later`: not known; asking again may help.
 * - `refused`: it cannot be looked for, or, where that was not asked, not be put.
 * - `missing`: it is not there, and we may not put it.
 */
export type TemplateState = { readonly kind: 'there' | 'put' } | Unsettled;

interface Unsettled {
  readonly kind: 'later' | 'refused' | 'missing';
  readonly reason: string;
}

const PATH = `/_index_template/${INDEX_TEMPLATE_NAME}`;
const TIMEOUT_MS = 30_000;

/**
 * Puts the index template where there is none: without it the engine would guess types from the first line of each day.
 * One that is there stays, also when several look at once.
 */
export async function ensureTemplate(client: SearchClient, timeoutMs = TIMEOUT_MS): Promise<TemplateState> {
  const found = await askOnceMore(client, { method: 'HEAD', path: PATH }, timeoutMs);
  if (found.kind === 'answer' && found.status === 200) return { kind: 'there' };
  if (found.kind !== 'answer' || found.status !== 404) return failed(found);
  const put = await askOnceMore(client, { ...putRequest(), query: { create: 'true' } }, timeoutMs);
  // Somebody else was faster.
  if (put.kind === 'answer' && put.status === 400 && put.body.includes('already exists')) {
    return { kind: 'there' };
  }
  if (isPut(put)) return { kind: 'put' };
  const state = failed(put);
  return state.kind === 'refused' ? { ...state, kind: 'missing' } : state;
}

/** Puts the index template in the place of one that is there: indices of later days have it. */
export async function putTemplate(client: SearchClient): Promise<TemplateState> {
  const put = await askOnceMore(client, putRequest(), TIMEOUT_MS);
  return isPut(put) ? { kind: 'put' } : failed(put);
}

/** The password may have been changed since it was read: it is read once more. */
async function askOnceMore(
  client: SearchClient,
  request: SearchRequest,
  timeoutMs: number,
): Promise<SearchAnswer> {
  const answer = await client.ask(request, timeoutMs);
  if (answer.kind !== 'answer' || answer.status !== 401) return answer;
  client.forgetAuthorization();
  return client.ask(request, timeoutMs);
}

function putRequest(): SearchRequest {
  const text = JSON.stringify(indexTemplate());
  return { method: 'PUT', path: PATH, body: { type: 'application/json', text } };
}

function isPut(answer: SearchAnswer): boolean {
  return answer.kind === 'answer' && answer.status === 200;
}

function failed(answer: SearchAnswer): Unsettled {
  if (answer.kind !== 'answer') {
    return { kind: answer.kind === 'transient' ? 'later' : 'refused', reason: answer.reason };
  }
  const reason = `status ${answer.status}${reasonIn(answer.body)}`;
  return { kind: isTransient(answer.status) ? 'later' : 'refused', reason };
}
