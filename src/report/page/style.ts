import { utilizationColours } from './utilization-scale.ts';

/** Blue and vermillion of Okabe and Ito's palette, which colour-blind eyes tell apart; texts have a contrast of 4.5. */
const LIGHT = `
  --page: #f5f6f8; --card: #ffffff; --ink: #1b2430; --muted: #586575; --rule: #e6e9ee; --edge: #cdd4dd;
  --link: #005a9c; --runs: #4a94c4; --failed: #d55e00; --bad: #b23a00; --good: #17703c; --mean: #0072b2;
  --longest: #8a95a3; --meter: #4a94c4; --stripe: #fafbfc; --unknown: #d3d8df;
  ${variables('light')}`;

const DARK = `
  --page: #10151b; --card: #181f28; --ink: #e7ebf0; --muted: #9aa7b6; --rule: #28313d; --edge: #3b4756;
  --link: #7cc0f5; --runs: #3f87b8; --failed: #ff8a3d; --bad: #ff9d66; --good: #6fcf97; --mean: #5db1ee;
  --longest: #7d8998; --meter: #4a94c4; --stripe: #1b232d; --unknown: #46505d;
  ${variables('dark')}`;

/** The page's style sheet; its hash stands in the page's policy, so it must be the same text in both places. */
export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
.page { max-width: 1400px; margin: 0 auto; padding: 32px 24px 48px; }
h1, h2, h3, p, ul, dl, dd, figure { margin: 0; }
h1 { font-size: 26px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
h2 { font-size: 17px; line-height: 1.35; font-weight: 650; }
h3 { font-size: 13px; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
h3 span { font-weight: 400; color: var(--muted); }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.mark { font-size: 12px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; color: var(--muted); }
.origin { margin-top: 6px; color: var(--muted); overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 0; margin-top: 14px; list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tiles > div, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; }
.tiles > div { padding: 12px 16px 10px; }
.tiles dt { color: var(--muted); font-size: 13px; }
.tiles .figure { font-size: 24px; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles .more { color: var(--muted); font-size: 12.5px; line-height: 1.4; }
.card { padding: 20px 24px; margin-bottom: 16px; }
.subtitle { color: var(--muted); }
figcaption > p:last-of-type { margin-bottom: 8px; max-width: 80ch; overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 6px 0; list-style: none; font-size: 12.5px; color: var(--muted); }
.key { display: inline-block; width: 11px; height: 11px; margin-right: 6px; border-radius: 2px; vertical-align: -1px; }
.key.runs { background: var(--runs); } .key.failed { background: var(--failed); }
.key.mean { height: 3px; vertical-align: 3px; width: 16px; background: var(--mean); }
.key.longest { width: 9px; height: 9px; border-radius: 50%; border: 1.5px solid var(--longest); vertical-align: 0; }
.key.unknown { background: var(--unknown); } .key.none { border: 1px solid var(--edge); }
.ends { white-space: nowrap; }
.scale { display: flex; align-items: center; gap: 8px; font-size: 12.5px; color: var(--muted); }
.steps { display: inline-flex; border-radius: 3px; overflow: hidden; }
.steps span { width: 22px; height: 11px; }
${Array.from(utilizationColours('light'), (_, step) => `.u${step} { background: var(--u${step}); }`).join(' ')}
svg { display: block; max-width: 100%; height: auto; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; }
.picture svg { width: 100%; }
.wide { display: block; } .narrow { display: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 14px 20px; margin-top: 10px; }
.heatmaps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 14px 24px; margin-top: 10px; }
.panel { min-width: 0; }
.heatmaps { overflow-x: auto; }
details { margin-top: 8px; }
summary { cursor: pointer; color: var(--link); width: fit-content; }
.scroll { overflow: auto; max-height: 460px; margin-top: 8px; border: 1px solid var(--rule); border-radius: 6px; position: relative; }
.jobs .scroll { max-height: 88vh; margin-top: 12px; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 13px; line-height: 1.4; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 8px 10px; color: var(--muted); }
th, td { padding: 7px 8px; text-align: right; vertical-align: top; white-space: nowrap; border-bottom: 1px solid var(--rule); }
thead th { position: sticky; top: 0; z-index: 1; background: var(--card); font-weight: 600; color: var(--muted); vertical-align: bottom; }
tbody th, tfoot th { font-weight: 600; }
th:first-child { position: sticky; left: 0; z-index: 1; background: var(--card); text-align: left; }
thead th:first-child { z-index: 2; }
tbody tr:last-child > * { border-bottom: 0; }
.jobs tbody tr:hover > * { background: var(--stripe); }
.jobs tbody th { min-width: 190px; max-width: 240px; white-space: normal; overflow-wrap: anywhere; border-right: 1px solid var(--rule); }
.jobs thead th { padding: 6px 4px; line-height: 1.25; white-space: normal; }
.jobs .head { display: block; width: 100%; min-height: 24px; padding: 3px 5px; font: inherit; color: inherit; text-align: inherit; background: none; border: 0; border-radius: 4px; }
.jobs .printed { display: none; }
.jobs button { cursor: pointer; }
.jobs button:hover { color: var(--ink); background: var(--page); }
.jobs button .title::after { content: "\\a0\\2195"; content: "\\a0\\2195" / ""; opacity: 0.6; }
.jobs th[aria-sort] button { color: var(--ink); }
.jobs th[aria-sort=ascending] .title::after { content: "\\a0\\2191"; content: "\\a0\\2191" / ""; opacity: 1; }
.jobs th[aria-sort=descending] .title::after { content: "\\a0\\2193"; content: "\\a0\\2193" / ""; opacity: 1; }
.jobs th.text { text-align: left; }
.jobs td.text { text-align: left; white-space: normal; min-width: 170px; }
.jobs strong { font-weight: 600; color: var(--ink); }
small { display: block; white-space: normal; font-size: 12px; font-weight: 400; color: var(--muted); }
.bad { color: var(--bad); } .good { color: var(--good); }
code { font: 11.5px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: nowrap; }
.meter { width: 64px; height: 4px; margin: 4px 0 2px auto; border-radius: 2px; background: var(--rule); fill: var(--meter); }
.meter.full { fill: var(--failed); }
.notes ul { padding-left: 18px; margin-top: 8px; } .notes li { margin: 4px 0; overflow-wrap: anywhere; max-width: 100ch; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 700px) {
  .page { padding: 20px 12px 32px; } .card { padding: 16px 14px; } h1 { font-size: 22px; }
  .heatmaps .panel { min-width: 520px; }
  .wide { display: none; } .narrow { display: block; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 8px; }
  .tiles > :last-child:nth-child(odd) { grid-column: 1 / -1; }
  .steps span { width: 16px; }
  .jobs th:first-child { max-width: 130px; min-width: 110px; }
}
@media (forced-colors: active) { .key, .steps span, .meter { forced-color-adjust: none; } }
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  :root { color-scheme: light; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { background: none; font-size: 11px; } .page { max-width: none; padding: 0; }
  nav, details { display: none; } .jobs .printed { display: block; }
  .card, .tiles > div { border-color: var(--edge); } .card { padding: 10px 14px; }
  .card:not(.jobs), tr, .panel { break-inside: avoid; }
  .scroll, .jobs .scroll { max-height: none; overflow: visible; border: 0; }
  table { font-size: 8px; } th, td { padding: 3px 4px; } small, code { font-size: 7px; } thead th, th:first-child { position: static; }
  .jobs tbody th { min-width: 90px; } .jobs td.text { min-width: 0; } .meter { width: 40px; }
  .panels { grid-template-columns: repeat(3, 1fr); } .jobs button.head { display: none; }
}
`;

function variables(background: 'light' | 'dark'): string {
  return utilizationColours(background)
    .map((colour, step) => `--u${step}: ${colour};`)
    .join(' ');
}
