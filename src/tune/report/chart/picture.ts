/**
 * Charts as an SVG file of its own, for a guide or a README: panels side by side on a card, light or dark as the reader's system
 * is. Pure: the same numbers give the same text.
 */

import type { ShapeResult } from "../../types.ts";
import type { Size } from "./frame.ts";
import { latencyChart, throughputChart } from "./knee.ts";
import { type Markup, markup, trusted } from "./markup.ts";
import { CHART_STYLE, THEME } from "./style.ts";

export interface Picture {
  /** For readers who do not see it. */
  readonly label: string;
  /** Below the panels. */
  readonly caption: string;
  readonly panels: readonly { readonly title: string; readonly draw: (size: Size) => Markup }[];
}

const PANEL: Size = { width: 440, height: 310 };
/** The title above a panel, the caption below the panels, and the space between and around them. */
const TITLE = 40;
const CAPTION = 34;
const EDGE = 16;

export function svgPicture({ label, caption, panels }: Picture): string {
  const width = EDGE + panels.length * (PANEL.width + EDGE);
  const height = TITLE + PANEL.height + CAPTION;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<style>${trusted(THEME)}${trusted(CHART_STYLE)}</style>
<rect width="${width}" height="${height}" rx="8" fill="var(--card)"/>
${panels.map(({ title, draw }, index) => {
  const left = EDGE + index * (PANEL.width + EDGE);
  return markup`<g transform="translate(${left} ${TITLE})"><text class="title" x="4" y="-14">${title}</text>${draw(PANEL)}</g>
`;
})}<text class="tick" x="${EDGE + 4}" y="${height - 14}">${caption}</text>
</svg>
`.text;
}

/** Throughput and p95 of one shape, with its knee. Without what a legend would have to explain. */
export function kneePicture(of: ShapeResult, caption: string, targetMs?: number): string {
  const { usl: _usl, kneedle: _kneedle, ...result } = of;
  return svgPicture({
    label: `Throughput and p95 of latency against requests in flight. ${caption}`,
    caption,
    panels: [
      { title: "Throughput", draw: (size) => throughputChart(result, size) },
      { title: "95 % of the answers came within", draw: (size) => latencyChart(result, size, targetMs) },
    ],
  });
}
