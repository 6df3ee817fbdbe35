import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexTemplate } from '../../src/subscription/index-template.ts';
import { blocksOf, ROOT } from '../docs/pages.ts';
import { askEngine, runningEngines } from '../support/search-engines.ts';

const [PUT_TEMPLATE = '', IMPORT_OBJECTS = ''] = blocksOf('dashboards.md', 'sh');

async function run(script: string, environment: Record<string, string>) {
  const bash = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: ROOT,
    env: { ...process.env, ...environment },
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(bash.stdout),
    text(bash.stderr),
    once(bash, 'exit'),
  ]);
  return { status, stdout, stderr };
}

describe.each(runningEngines())('the command of docs/dashboards.md on $label', (engine) => {
  it('puts the index template', async () => {
    const { status, stdout, stderr } = await run(PUT_TEMPLATE, { OPENSEARCH_URL: engine.url });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '{"acknowledged":true}', stderr: '' });
    const { body } = await askEngine<{ index_templates: { index_template: unknown }[] }>(
      engine,
      'GET',
      '/_index_template/fargauge',
    );
    const { index_patterns, priority, template } = indexTemplate();
    expect(body.index_templates[0]?.index_template).toMatchObject({
      index_patterns,
      priority,
      template: { mappings: { properties: template.mappings.properties } },
    });
  });
});

/** Source: "Import objects API" of Kibana 7.10, which OpenSearch Dashboards has under its own header. */
describe('the command of docs/dashboards.md that imports the saved objects', () => {
  const requests: { method?: string; url?: string; headers: IncomingMessage['headers']; form: FormData }[] =
    [];
  let server: Server;
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const { method, url, headers } = request;
      const body = new Response(await buffer(request), {
        headers: { 'content-type': headers['content-type'] ?? '' },
      });
      requests.push({ ...(method && { method }), ...(url && { url }), headers, form: await body.formData() });
      response.end('{"success":true}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await once(server, 'close');
  });

  it('sends the file as the interface wants it', async () => {
    const { port } = server.address() as AddressInfo;
    const { status, stderr } = await run(IMPORT_OBJECTS, {
      KIBANA_URL: `http://127.0.0.1:${port}/_dashboards`,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: '/_dashboards/api/saved_objects/_import?overwrite=true',
      headers: { 'kbn-xsrf': 'true', 'osd-xsrf': 'true' },
    });
    const file = requests[0]?.form.get('file') as File;
    expect(file.name).toBe('fargauge.ndjson');
    expect(await file.text()).toBe(readFileSync(join(ROOT, 'deploy/kibana/fargauge.ndjson'), 'utf8'));
  });
});
