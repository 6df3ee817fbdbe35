import { parse, type Spec, View } from 'vega';
import { html, Markup } from './markup.ts';

/**
 * Draws a picture when the report is made, not when it is looked at: the page then needs no script for it, nor the 500 kB
 * of Vega in itself. Vega and not Vega-Lite, which is half as much again: bars and scales are given here, and it would
 * have nothing to infer. Colours are the page's CSS variables, so that a picture follows light and dark.
 * @param spec of a fixed size
 * @param label what is to be seen, for who does not see it
 */
export async function draw(spec: Spec, label: string): Promise<Markup> {
  const view = new View(parse(spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return plain(svg, label);
}

/** In Vega's output `<`, `>` and `"` are escaped within attributes, and `<` and `>` in texts: this finds tags alone. */
const TAG = /<(\w+)([^<>]*?)(\/?)>/g;
const ATTRIBUTE = /([\w:-]+)="([^"]*)"/g;

/** The others are for Vega's own style sheet and script, or what a browser assumes. */
const KEPT: ReadonlySet<string> = new Set([
  'd',
  'fill',
  'font-size',
  'stroke',
  'stroke-width',
  'text-anchor',
  'transform',
  'x2',
  'y2',
]);

/**
 * One image for a screen reader, not thousands of symbols; what Vega tells of each symbol to that reader becomes what a
 * pointer is told. Without empty shapes and long fractions it is half as long.
 */
function plain(svg: string, label: string): Markup {
  const [, width = '0', height = '0'] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
  const inner = svg.slice(svg.indexOf('>') + 1, svg.lastIndexOf('</svg>'));
  return html`<svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${new Markup(inner.replace(TAG, plainTag))}</svg>`;
}

function plainTag(_tag: string, name: string, attributes: string, slash: string): string {
  const given = new Map([...attributes.matchAll(ATTRIBUTE)].map(([, key = '', value = '']) => [key, value]));
  if (name === 'path' && isEmpty(given.get('d'))) return '';
  const kept = [...given].filter(([key]) => KEPT.has(key));
  const texts = kept.map(([key, value]) => ` ${key}="${shortened(value)}"`).join('');
  const title = given.get('role') === 'graphics-symbol' ? given.get('aria-label') : undefined;
  return title !== undefined && slash === '/'
    ? `<${name}${texts}><title>${title}</title></${name}>`
    : `<${name}${texts}${slash}>`;
}

function isEmpty(path = ''): boolean {
  return path === '' || path.startsWith('M0,0h0v0');
}

function shortened(value: string): string {
  return value.replace(/\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10));
}
