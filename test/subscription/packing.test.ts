import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBulkAnswer } from '../../src/subscription/bulk-answer.ts';
import { bulkBody, packRequests } from '../../src/subscription/bulk-request.ts';
import type { Document } from '../../src/subscription/document.ts';
import { failureMessages, readFailureMessage } from '../../src/subscription/failure-message.ts';

const document: fc.Arbitrary<Document> = fc.record({
  index: fc.constant('fargauge-2026.03.02'),
  id: fc.string({ unit: 'binary', maxLength: 20 }),
  json: fc.string({ unit: 'binary', maxLength: 200 }).map((text) => JSON.stringify({ text })),
});

describe('documents packed into requests', () => {
  it('are all there, in their order, and within both limits unless one alone is beyond them', () => {
    fc.assert(
      fc.property(
        fc.array(document, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 1, max: 20 }),
        (documents, maxBytes, maxDocuments) => {
          const requests = [...packRequests(documents, { maxBytes, maxDocuments })];
          expect(requests.flat()).toEqual(documents);
          for (const request of requests) {
            expect(request.length).toBeGreaterThan(0);
            expect(request.length).toBeLessThanOrEqual(maxDocuments);
            if (request.length > 1)
              expect(Buffer.byteLength(bulkBody(request))).toBeLessThanOrEqual(maxBytes);
          }
        },
      ),
    );
  });

  it('are two lines each, which the engine reads as they were', () => {
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 10 }), (documents) => {
        const lines = bulkBody(documents).split('\n');
        expect(lines.pop()).toBe('');
        expect(lines).toHaveLength(2 * documents.length);
        for (const [at, { index, id, json }] of documents.entries()) {
          expect(JSON.parse(lines[2 * at] ?? '')).toEqual({ create: { _index: index, _id: id } });
          expect(lines[2 * at + 1]).toBe(json);
        }
      }),
    );
  });
});

describe('messages of the failure queue', () => {
  /** What SQS takes: the characters of XML. */
  const ALLOWED = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;
  const failed = fc.array(
    fc.record({
      event: fc.record({
        id: fc.string({ maxLength: 56 }),
        timestamp: fc.nat(),
        // Half surrogates, control characters and what XML has no place for among them.
        message: fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constant('\uFFFE\uD800\u0000')),
      }),
      reason: fc.string({ maxLength: 100 }),
    }),
    { maxLength: 40 },
  );

  it('hold every log event, are within the limit and of characters that SQS takes, and read back', async () => {
    await fc.assert(
      fc.asyncProperty(failed, fc.integer({ min: 4_000, max: 10_000 }), async (events, maxBytes) => {
        const delivery = {
          owner: '123456789012',
          logGroup: '/ecs/nightly',
          logStream: 'batch',
          logEvents: [],
          malformedCount: 0,
        };
        const messages = failureMessages(delivery, events, maxBytes);
        for (const message of messages) {
          expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxBytes);
          expect(message).toMatch(ALLOWED);
        }
        const read = await Promise.all(messages.map(readFailureMessage));
        expect(read.flatMap((each) => each?.logEvents ?? [])).toEqual(
          events.map(({ event, reason }) => ({ ...event, reason })),
        );
        expect(read.every((each) => each?.logStream === 'batch')).toBe(true);
      }),
    );
  });
});

/** As OpenSearch 2.19.1 and Elasticsearch 7.10.2 gave them to a request with our filter_path. */
describe('answers of _bulk', () => {
  it('say of each document where it is', () => {
    const body = {
      items: [
        { create: { status: 201 } },
        {
          create: {
            status: 409,
            error: { type: 'version_conflict_engine_exception', reason: '[1]: version conflict' },
          },
        },
        { create: { status: 429, error: { type: 'es_rejected_execution_exception', reason: 'rejected' } } },
        { create: { status: 503, error: { type: 'unavailable_shards_exception', reason: 'timeout' } } },
        { create: { status: 400, error: { type: 'mapper_parsing_exception', reason: 'x'.repeat(1_000) } } },
        { create: {} },
      ],
    };
    expect(readBulkAnswer(200, JSON.stringify(body), 6)).toEqual({
      kind: 'items',
      verdicts: [
        { kind: 'indexed' },
        { kind: 'copy' },
        { kind: 'later', reason: 'status 429: es_rejected_execution_exception: rejected' },
        { kind: 'later', reason: 'status 503: unavailable_shards_exception: timeout' },
        { kind: 'never', reason: expect.stringMatching(/^status 400: mapper_parsing_exception: x+…$/) },
        { kind: 'later', reason: 'an item without a status' },
      ],
    });
  });

  it.each([
    [413, '', { kind: 'smaller', reason: 'status 413' }],
    [400, '{"error":{"type":"a","reason":"b"}}', { kind: 'smaller', reason: 'status 400: a: b' }],
    [
      403,
      '{"Message":"User: x is not authorized"}',
      { kind: 'unauthorized', reason: 'status 403: User: x is not authorized' },
    ],
    [401, 'Unauthorized', { kind: 'unauthorized', reason: 'status 401: "Unauthorized"' }],
    [429, '{"error":"Too many"}', { kind: 'later', reason: 'status 429: Too many' }],
    [504, '<html>', { kind: 'later', reason: 'status 504: "<html>"' }],
    [301, '', { kind: 'never', reason: 'status 301' }],
    [404, '{"x":1}', { kind: 'never', reason: 'status 404: "{\\"x\\":1}"' }],
  ])('of status %i mean what they say', (status, body, expected) => {
    expect(readBulkAnswer(status, body, 1)).toEqual(expected);
  });
});
