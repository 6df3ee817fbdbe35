import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extract, type Json, type JsonObject, removeAt, setAt } from '../../src/deploy/json-text.ts';

const HAND_WRITTEN = `{
    "family":   "nightly",   "cpu": 1.0e3,
    "containerDefinitions": [
        { "name": "batch", "image": "a" },
        {
            "image": "b", "name": "log",
            "dependsOn": [{ "containerName": "batch" }],
            "links": []
        }
    ]
}
`;

describe('setting a value', () => {
  it('changes nothing but the value', () => {
    expect(setAt(HAND_WRITTEN, ['containerDefinitions', 0, 'image'], 'c')).toBe(
      HAND_WRITTEN.replace('"a"', '"c"'),
    );
  });

  it('adds to a list whose members have lines of their own on lines of its own', () => {
    expect(setAt(HAND_WRITTEN, ['containerDefinitions', 2], { name: 'x', drop: ['ALL'] })).toBe(
      HAND_WRITTEN.replace(
        '        }\n    ]',
        `        },
        {
            "name": "x",
            "drop": [
                "ALL"
            ]
        }
    ]`,
      ),
    );
  });

  it('adds to what stands on one line on that line', () => {
    const path = ['containerDefinitions', 1, 'dependsOn', 1];
    expect(setAt(HAND_WRITTEN, path, { containerName: 'x', ports: [1, 2], tags: {} })).toBe(
      HAND_WRITTEN.replace('"batch" }]', '"batch" }, { "containerName": "x", "ports": [1, 2], "tags": {} }]'),
    );
    expect(setAt(HAND_WRITTEN, ['containerDefinitions', 0, 'cpu'], 1)).toBe(
      HAND_WRITTEN.replace('"image": "a" }', '"image": "a", "cpu": 1 }'),
    );
  });

  it('opens an empty list', () => {
    expect(setAt(HAND_WRITTEN, ['containerDefinitions', 1, 'links', 0], 'db')).toBe(
      HAND_WRITTEN.replace('[]', '[\n                "db"\n            ]'),
    );
  });

  it('keeps the line breaks and tabs of the text', () => {
    const text = '{\r\n\t"a": [\r\n\t\t1\r\n\t]\r\n}';
    expect(setAt(text, ['a', 1], { b: 2 })).toBe(
      '{\r\n\t"a": [\r\n\t\t1,\r\n\t\t{\r\n\t\t\t"b": 2\r\n\t\t}\r\n\t]\r\n}',
    );
  });

  it('reads of a key that stands twice the last, as JSON.parse does', () => {
    expect(setAt('{"a":1,"a":2}', ['a'], 3)).toBe('{"a":1,"a":3}');
  });

  it('says which place is not in the text', () => {
    expect(() => setAt(HAND_WRITTEN, ['volumes', 0], 1)).toThrow('volumes.0 has no place in the text');
    expect(() => extract(HAND_WRITTEN, ['volumes'])).toThrow('volumes is not in the text');
  });
});

describe('extracting a value', () => {
  it('moves its lines to the left', () => {
    expect(extract('{\n    "a": {\n        "b": 1\n    }\n}', ['a'])).toBe('{\n    "b": 1\n}');
  });
});

const key = fc.oneof(fc.constantFrom('name', 'a"b', 'ü{', '[', ','), fc.string());
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(key, tie('json'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));
const object: fc.Arbitrary<JsonObject> = fc.dictionary(key, json, { maxKeys: 4, noNullPrototype: true });
const indentation = fc.constantFrom(undefined, ' ', '  ', '    ', '\t');

describe('edits of any text', () => {
  it('mean what the same edit means on the parsed value', () => {
    fc.assert(
      fc.property(object, key, json, indentation, (before, name, value, space) => {
        fc.pre(name !== '__proto__');
        const text = JSON.stringify(before, null, space);
        expect(JSON.parse(setAt(text, [name], value))).toEqual({ ...before, [name]: value });
        const { [name]: _, ...rest } = before;
        expect(JSON.parse(removeAt(text, [name]))).toEqual(rest);
      }),
    );
  });

  it('keep the layout: what was set looks as if JSON.stringify had written the whole', () => {
    fc.assert(
      fc.property(
        fc.array(object, { minLength: 1, maxLength: 3 }),
        object,
        indentation,
        (items, added, space) => {
          const text = JSON.stringify({ items }, null, space);
          expect(setAt(text, ['items', items.length], added)).toBe(
            JSON.stringify({ items: [...items, added] }, null, space),
          );
        },
      ),
    );
  });

  it('are undone by their opposite, character for character', () => {
    fc.assert(
      fc.property(
        fc.array(json, { minLength: 1, maxLength: 3 }),
        json,
        indentation,
        (items, added, space) => {
          const text = JSON.stringify({ items }, null, space);
          expect(removeAt(setAt(text, ['items', items.length], added), ['items', items.length])).toBe(text);
        },
      ),
    );
  });
});
