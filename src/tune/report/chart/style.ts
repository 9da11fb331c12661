/**
 * The style of charts, on the report's page and in files of their own. Colours are variables with a light and a dark value: text has at least 4.5 : 1 of contrast, lines and marks
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

export const THEME: string = `:root{color-scheme:light dark;${variables("light")}}@media (prefers-color-scheme:dark){:root{${variables("dark")}}}`;
