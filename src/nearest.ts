/**
 * What was probably meant: a candidate that the word begins, else the one with the fewest letters to change.
 * @returns undefined when more than half of the word would have to be changed
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const longer = candidates.find((candidate) => candidate.startsWith(word));
  if (longer !== undefined) return longer;
  const [best] = candidates.toSorted((a, b) => editDistance(word, a) - editDistance(word, b));
  return best !== undefined && editDistance(word, best) <= word.length / 2 ? best : undefined;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
