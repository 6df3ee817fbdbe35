import { stripVTControlCharacters, styleText } from 'node:util';
import { type Figure, type Target, type Verdict, verdict } from './figure.ts';
import type { TickGain } from './tick-gain.ts';

const VERDICTS: Readonly<Record<Verdict, string>> = { ok: 'ok', stretch: 'ok, stretch too', over: 'over' };

export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure, index) => {
    const { subject, name, unit, p50, p99, bareP50, target } = figure;
    return [
      subject === figures[index - 1]?.subject ? '' : subject,
      name,
      number(p50),
      p99 === undefined ? '' : number(p99),
      unit,
      bareP50 === undefined ? '' : number(bareP50),
      bareP50 === undefined ? '' : againstBare(figure, bareP50),
      target === undefined ? '' : targetText(target),
      coloured(verdict(figure)),
    ];
  });
  return table(
    ['', '', 'p50', 'p99', 'unit', 'bare Node', 'against it', 'target for p50', ''],
    rows,
    [2, 3, 5, 6],
  );
}

export function tickGainTable(gains: readonly TickGain[]): string {
  const rows = gains.map(({ refreshMs, jitterMs, plainTailMs, alignedTailMs, leastTailMs }) => {
    const gainMs = plainTailMs - alignedTailMs;
    return [
      `${refreshMs} ± ${jitterMs} ms`,
      `${Math.round(plainTailMs)} ms`,
      `${Math.round(alignedTailMs)} ms`,
      `${Math.round(gainMs)} ms`,
      `${number((100 * gainMs) / plainTailMs)} %`,
      `${Math.round(leastTailMs)} ms`,
    ];
  });
  return table(
    ['refresh', 'plain ticks', 'aligned ticks', 'gain', 'of plain', 'least possible'],
    rows,
    [1, 2, 3, 4, 5],
  );
}

function againstBare({ p50, unit }: Figure, bareP50: number): string {
  if (unit === 'MB') return `${(p50 / bareP50).toFixed(2)}×`;
  return `${p50 < bareP50 ? '−' : '+'}${number(Math.abs(p50 - bareP50))}`;
}

function targetText({ of, atMost, stretch }: Target): string {
  const limits = stretch === undefined ? `${atMost}` : `${atMost} (stretch ${stretch})`;
  if (of === 'ratio') return `≤ ${limits} × bare`;
  return of === 'difference' ? `≤ bare + ${limits}` : `≤ ${limits}`;
}

function coloured(judgement: Verdict | undefined): string {
  if (judgement === undefined) return '';
  const colour = judgement === 'over' ? 'red' : 'green';
  return styleText(colour, VERDICTS[judgement], { stream: process.stdout });
}

/** Three digits that count. */
function number(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: readonly number[],
): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => visibleLength(row[column] ?? ''))),
  );
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] ?? 0) - visibleLength(cell));
        return rightAligned.includes(column) ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
