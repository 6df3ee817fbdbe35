import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXAMPLE_PATH, exampleText } from './example-document.ts';

it('a month of runs of eight jobs gives the document that was checked', async () => {
  expect(await exampleText()).toBe(readFileSync(EXAMPLE_PATH, 'utf8'));
});
