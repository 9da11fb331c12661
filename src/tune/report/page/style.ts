/** The style of the report's page, beside that of its charts. */

import { CHART_STYLE, THEME } from "../chart/style.ts";

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

export const STYLE: string = `${THEME}${CHART_STYLE}${PAGE}`;
