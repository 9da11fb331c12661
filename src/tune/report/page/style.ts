/**
 * The report's style. Colours are variables with a light and a dark value: text has at least 4.5 : 1 of contrast, lines and marks
 * 3 : 1 (WCAG 2.2, AA). The six colours of the curves are those of Okabe and Ito, darker on light ground and lighter on dark.
 */

export interface Colour {
  readonly light: string;
  readonly dark: string;
}

export const COLOURS: Readonly<Record<string, Colour>> = {
  ground: { light: "#f6f7f9", dark: "#111418" },
  card: { light: "#ffffff", dark: "#1a1f26" },
  text: { light: "#1b1f26", dark: "#e8ebef" },
  quiet: { light: "#57606c", dark: "#a3adba" },
  edge: { light: "#dde1e7", dark: "#2d343e" },
  grid: { light: "#e6e9ee", dark: "#2a313a" },
  accent: { light: "#0a5fa5", dark: "#6cb8f2" },
  knee: { light: "#8a3d7c", dark: "#e08fd0" },
  target: { light: "#b3261e", dark: "#ff8a80" },
  c1: { light: "#0a6cb5", dark: "#5cb3f0" },
  c2: { light: "#b34a00", dark: "#f5955a" },
  c3: { light: "#00805c", dark: "#2fc796" },
  c4: { light: "#a34585", dark: "#e397c8" },
  c5: { light: "#8a6a00", dark: "#e3b62e" },
  c6: { light: "#4d5661", dark: "#b3bcc7" },
};

const variables = (theme: keyof Colour): string =>
  Object.entries(COLOURS)
    .map(([name, colour]) => `--${name}:${colour[theme]}`)
    .join(";");

/** What is drawn in a chart: for the page, and for a chart that is a file of its own. */
export const CHART_STYLE: string = `
.chart text{fill:var(--text);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
.chart .tick,.chart .axis{fill:var(--quiet)}
.chart .strong{font-weight:600}.chart .title{font-size:14px;font-weight:600}
.chart .halo,.chart .strong{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.grid{stroke:var(--grid)}.floor,.notch{stroke:var(--quiet);fill:none}
.line{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.whisker{fill:none;stroke:currentColor;stroke-width:1.3}
.dot{fill:currentColor;stroke:currentColor;stroke-width:1.4}
.sample{fill:currentColor;opacity:.5}
.leader{fill:none;stroke:currentColor;stroke-width:1;opacity:.6}
.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}.c6{color:var(--c6)}
.knee .band{fill:var(--knee);opacity:.16}.knee .rule{stroke:var(--knee);stroke-width:1.8;fill:none}
.chart .knee text{fill:var(--knee)}
.target .rule{stroke:var(--target);stroke-width:1.6;stroke-dasharray:7 4;fill:none}
.chart .target text{fill:var(--target)}
.roof .rule{stroke:var(--quiet);stroke-width:1;stroke-dasharray:2 3;fill:none}
.chart .roof text{fill:var(--quiet)}
.hinge{fill:none;stroke:var(--knee);stroke-width:1.5;stroke-dasharray:6 4}
.usl{fill:none;stroke:var(--c3);stroke-width:1.8;stroke-dasharray:1.5 3.5;stroke-linecap:round}
.left-out{color:var(--quiet)}.left-out .dot{fill:none;stroke-width:1.5}
.kneedle,.kneedle-key .dot{fill:none;stroke:var(--c5);stroke-width:1.6}
.ceiling,.ceiling-key .dot{fill:var(--card);stroke:var(--target);stroke-width:2}
.heat{fill:var(--c1)}.heat-key{color:var(--c1)}
.p50,.p50-key .rule{stroke:var(--text);stroke-width:1.4;stroke-dasharray:2 2}
.p95,.p95-key .rule{stroke:var(--c2);stroke-width:2.6}
.p99,.p99-key .rule{stroke:var(--text);stroke-width:1.4}
.span{fill:currentColor;opacity:.28}
.strip{fill:transparent}
`;

const PAGE = `
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:20px 16px 64px}
h1{font-size:1.5rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 12px}
h3{font-size:1rem;margin:20px 0 6px}
p{margin:0 0 10px;overflow-wrap:anywhere}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.product{color:var(--accent);font-weight:600;margin:0}
.quiet{color:var(--quiet);font-size:.9rem}
section{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:20px;margin-top:16px}
.answer{display:grid;gap:20px;grid-template-columns:minmax(0,1fr)}
.eyebrow{color:var(--quiet);margin:0;font-size:.9rem}
.shape{font-size:1.6rem;font-weight:650;line-height:1.2;margin:0 0 8px;overflow-wrap:anywhere}
.why{overflow-wrap:anywhere}
.run p:last-child code{display:inline-block;background:var(--ground);border:1px solid var(--edge);border-radius:6px;padding:4px 10px}
.facts{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px;margin:0;align-content:start}
.facts dt{color:var(--quiet);font-size:.85rem}
.facts dd{margin:0}
.value{display:block;font-size:1.5rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.value.words{font-size:1.1rem;line-height:1.7;overflow-wrap:anywhere}
.more{color:var(--quiet);font-size:.85rem;display:block;line-height:1.35}
.callout{border-left:4px solid var(--accent);padding:8px 12px;background:var(--ground);border-radius:0 8px 8px 0;overflow-wrap:anywhere}
.pair{display:grid;gap:24px;grid-template-columns:minmax(0,1fr)}
figure{margin:0;min-width:0}
figcaption{font-weight:600;margin-bottom:6px;overflow-wrap:anywhere}
.chart{display:block;width:100%;height:auto;max-width:620px}
.chart.wide{display:none}
.flag{display:inline-block;overflow-wrap:anywhere}.readout:empty{display:none}
.readout{min-height:2.8em;font-size:.85rem;color:var(--quiet);margin:4px 0}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 16px;margin:6px 0 12px;padding:0;font-size:.85rem;color:var(--text)}
.legend li{display:flex;align-items:center;gap:6px;overflow-wrap:anywhere}
.legend svg{width:22px;height:14px;flex:none}
.scroll{overflow-x:auto;margin:0 0 12px;position:relative;--shade:color-mix(in srgb,var(--text) 20%,transparent);background:linear-gradient(90deg,var(--card) 40%,transparent) 0 0/36px 100% no-repeat local,linear-gradient(270deg,var(--card) 40%,transparent) 100% 0/36px 100% no-repeat local,linear-gradient(90deg,var(--shade),transparent) 0 0/10px 100% no-repeat,linear-gradient(270deg,var(--shade),transparent) 100% 0/10px 100% no-repeat}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}.caption{color:var(--quiet);font-size:.85rem;margin:14px 0 2px}
th,td{padding:6px 8px;border-bottom:1px solid var(--edge);text-align:left;vertical-align:top;font-weight:400}
thead th{color:var(--quiet);font-size:.85rem;white-space:nowrap;vertical-align:bottom}
tbody .t{min-width:9.5rem;overflow-wrap:anywhere}tbody .s{min-width:17rem}th:first-child,td:first-child{padding-left:0}
.n{text-align:right;white-space:nowrap}
.bar{display:block;width:100%;min-width:110px;height:12px;margin-top:5px;background:var(--ground)}
.bar rect{fill:currentColor;stroke:var(--card);stroke-width:1;vector-effect:non-scaling-stroke}
.cpu,.cpu-key{color:var(--c2)}.wait,.wait-key{color:var(--c1)}.block,.block-key{color:var(--c5)}
.bullet .bar{height:14px;border:1px solid var(--edge)}
.bullet p{display:flex;justify-content:space-between}
details{margin-top:8px}
summary{cursor:pointer;overflow-wrap:anywhere;color:var(--accent);padding:4px 0}
.notes{margin:0;padding-left:20px;overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (min-width:560px){.chart.wide{display:block}.chart.narrow{display:none}}
@media (min-width:960px){.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}.cards{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);gap:0 16px}.answer{grid-template-columns:minmax(0,1.2fr) minmax(0,1fr)}.meaning{grid-column:1/-1}}
@media print{section{break-inside:avoid}}
`;

export const THEME: string = `:root{color-scheme:light dark;${variables("light")}}@media (prefers-color-scheme:dark){:root{${variables("dark")}}}`;

export const STYLE: string = `${THEME}${CHART_STYLE}${PAGE}`;
