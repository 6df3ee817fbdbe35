import { describe, expect, it } from 'vitest';
import { askEngine, runningEngines } from '../support/search-engines.ts';

describe.each(runningEngines())('$label', (engine) => {
  it('is what it is called', async () => {
    const { body } = await askEngine<{ version: Record<string, unknown> }>(engine, 'GET', '/');
    const version = engine.label.split(' ')[1];
    expect(body.version).toMatchObject({ number: version });
    expect(body.version.distribution).toBe(engine.name === 'opensearch' ? 'opensearch' : undefined);
  });

  it('has the field types that every distribution has', async () => {
    const mappings = { properties: { percent: { type: 'scaled_float', scaling_factor: 100 } } };
    const { status } = await askEngine(engine, 'PUT', '/engines-types', { mappings });
    expect(status).toBe(200);
  });
});
