import { SEARCH_ENGINES, type SearchEngineName } from '../../scripts/search-engine.ts';

/** A real engine of `npm run test:opensearch`. */
export interface RunningEngine {
  readonly name: SearchEngineName;
  /** Name and version. */
  readonly label: string;
  /** Without a slash at the end. */
  readonly url: string;
}

/** The engines that scripts/test-opensearch.ts has started: tests share them, so each uses index names of its own. */
export function runningEngines(): readonly RunningEngine[] {
  const { OPENSEARCH_URL, ELASTICSEARCH_URL } = process.env;
  if (!OPENSEARCH_URL || !ELASTICSEARCH_URL) throw new Error('run these by npm run test:opensearch');
  const urls = { opensearch: OPENSEARCH_URL, elasticsearch: ELASTICSEARCH_URL };
  return (['opensearch', 'elasticsearch'] as const).map((name) => ({
    name,
    label: SEARCH_ENGINES[name],
    url: urls[name],
  }));
}

/**
 * Asks an engine with JSON, or with NDJSON where `body` is a string.
 * @param path with its query: `/_bulk?refresh=true`
 * @returns the answer, as the JSON document that the caller expects; a test fails where it is another
 */
export async function askEngine<Document>(
  { url }: { readonly url: string },
  method: string,
  path: string,
  body?: object | string,
): Promise<{ readonly status: number; readonly body: Document }> {
  const type = typeof body === 'string' ? 'application/x-ndjson' : 'application/json';
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Document };
}
