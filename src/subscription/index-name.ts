/** The indices' names: one a day, so that old ones can be deleted whole. */
export const INDEX_PREFIX = 'fargauge-';

/** All of them, in a template or an index pattern. */
export const INDEX_PATTERN = `${INDEX_PREFIX}*`;

/**
 * Where a line belongs: by its own time, not by that of its delivery, so that a repeated delivery meets the first.
 * @param timeMs of the line, ms since the epoch
 * @param prefix of others' indices, which are one a day as well
 * @returns `fargauge-YYYY.MM.DD`, the day in UTC
 */
export function indexNameOf(timeMs: number, prefix = INDEX_PREFIX): string {
  return prefix + new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '.');
}
