import { printableJson } from './printable.ts';
import type { ReportDocument } from './report-document.ts';
import { renderTable } from './table.ts';

/** How the reader of the output sees it. */
export interface Display {
  /** Characters in a line; undefined where there is no terminal. */
  readonly columns: number | undefined;
  readonly isColoured: boolean;
}

/** The whole output for a document, its last line break included. Text out of lines is made harmless in it. */
export type Render = (document: ReportDocument, display: Display) => string | Promise<string>;

/** What `--format` allows. */
export const FORMATS: Readonly<Record<string, Render>> = {
  table: renderTable,
  json: (document) => `${printableJson(document)}\n`,
  // It draws, with a large library: loaded when it is needed.
  html: async (document) => (await import('./page/html-page.ts')).renderHtml(document),
};
