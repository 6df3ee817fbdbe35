import { type Content, html, type Markup } from './markup.ts';

export const NOTHING_TO_DRAW = 'No run in this window has left a REPORT: there is nothing to draw.';

/** What a colour or a shape stands for; the style knows the class. */
export type Legend = readonly { readonly className: string; readonly text: string }[];

/** The figures of a picture; the first cell of a row is its heading. */
export interface FigureTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A picture of the page, said in words and figures too. */
export interface Figure {
  /** For links into the page. */
  readonly id: string;
  readonly title: string;
  readonly subtitle?: string;
  /** One or two sentences that say what is to be seen. */
  readonly summary: string;
  readonly legend?: Content;
  readonly picture?: Content;
  readonly tables?: readonly FigureTable[];
}

export function figure({ id, title, subtitle, summary, legend, picture, tables = [] }: Figure): Markup {
  return html`<section class="card" id="${id}">
<h2>${title}</h2>
<figure>
<figcaption>${subtitle && html`<p class="subtitle">${subtitle}</p>`}<p>${summary}</p>${legend}</figcaption>
${picture && html`<div class="picture">${picture}</div>`}
</figure>
${tables.length > 0 ? html`<details><summary>The figures of this picture</summary>${tables.map(tableOf)}</details>` : undefined}
</section>
`;
}

export function legend(entries: Legend): Markup {
  return html`<ul class="legend">${entries.map(({ className, text }) => html`<li><span class="key ${className}"></span>${text}</li>`)}</ul>`;
}

function tableOf({ caption, columns, rows }: FigureTable): Markup {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
<table class="figures"><caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
<tbody>${rows.map(rowOf)}</tbody></table>
</div>`;
}

function rowOf([heading, ...cells]: readonly string[]): Markup {
  return html`<tr><th scope="row">${heading}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}
