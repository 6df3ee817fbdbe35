/** A heatmap drawn by the Vega library, without a browser. */
import { logger, parse, type Spec, View, Warn } from 'vega';
import { descriptionOf, type HeatmapAnswer, type PictureSize, pictureVega } from './heatmap-vega.ts';
import type { Picture } from './pictures.ts';

const SIZE: PictureSize = { widthPx: 720, rowHeightPx: 24 };

/**
 * @param answer the engine's to the request of the picture's Vega specification
 * @returns SVG with the picture's description in it
 * @throws Error when Vega has something to say against the specification
 */
export async function drawingOf(picture: Picture, answer: HeatmapAnswer): Promise<string> {
  const said: string[] = [];
  const collecting = logger(Warn, 'warn', (_, level, texts) => {
    said.push(`${level} ${texts.join(' ')}`);
  });
  const runtime = parse(pictureVega(picture, answer, SIZE) as Spec);
  const view = new View(runtime, { renderer: 'none', logger: collecting });
  const svg = await view.toSVG();
  view.finalize();
  if (said.length > 0) throw new Error(`${picture.title}: ${said.join('; ')}`);
  return `${svg.replace('<svg ', `<svg role="img" aria-label="${attributeText(descriptionOf(picture))}" `)}\n`;
}

function attributeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
