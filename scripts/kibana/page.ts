/** The pictures' section of docs/dashboards.md: each picture, what it shows in words, and the same in figures. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../../test/kibana/visualization-request.ts';
import { replaceBlock } from '../replace-block.ts';
import { descriptionOf } from './heatmap-vega.ts';
import type { Picture } from './pictures.ts';

export const PICTURES_PAGE = join(import.meta.dirname, '../../docs/dashboards.md');

export interface ShownPicture {
  readonly picture: Picture;
  /** In docs/pictures. */
  readonly fileName: string;
  readonly rows: readonly Row[];
}

/** The page as it is to be. */
export function pageWith(shown: readonly ShownPicture[]): string {
  const page = readFileSync(PICTURES_PAGE, 'utf8');
  return replaceBlock(page, 'pictures', 'npm run pictures', shown.map(section).join('\n\n'));
}

function section({ picture, fileName, rows }: ShownPicture): string {
  const peaks = rows.map(peakOf);
  const highest = peaks.toSorted((a, b) => b.highest - a.highest)[0];
  if (!highest) throw new Error(`${picture.title} shows nothing`);
  const alternative =
    `${descriptionOf(picture)} A heatmap of ${rows.length} jobs over a day in cells of half an hour, ` +
    `the highest cell: ${highest.job} at ${highest.at}, ${percent(highest.highest)}.`;
  return `![${alternative}](pictures/${fileName})

<details><summary>The same in figures</summary>

| job | cells | lowest | highest | in the half hour from (UTC) |
|---|---|---|---|---|
${peaks
  .map(
    ({ job, cellCount, lowest, highest: most, at }) =>
      `| ${job} | ${cellCount} | ${percent(lowest)} | ${percent(most)} | ${at} |`,
  )
  .join('\n')}

</details>`;
}

function peakOf({ job, cells }: Row) {
  const values = cells.map(({ value }) => value ?? 0);
  const highest = Math.max(...values);
  const peak = cells.find(({ value }) => value === highest);
  return {
    job,
    cellCount: cells.length,
    lowest: Math.min(...values),
    highest,
    at: new Date(peak?.fromMs ?? 0).toISOString().slice(11, 16),
  };
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}
