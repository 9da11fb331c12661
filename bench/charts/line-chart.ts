/**
 * A static line chart as SVG: logarithmic axes, panels side by side, lines labelled at their ends. Pure: the same numbers give
 * the same text.
 */

export interface Line {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  /** Ticks of the axes, smallest first. The panel ends at the first and the last. */
  readonly xTicks: readonly number[];
  readonly yTicks: readonly (readonly [value: number, label: string])[];
  readonly lines: readonly Line[];
}

const PANEL = { width: 440, height: 330, left: 60, right: 28, top: 64, bottom: 52 };

export function lineChart(label: string, caption: string, panels: readonly Panel[]): string {
  const width = PANEL.width * panels.length;
  const height = PANEL.height + 28;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escape(label)}">`,
    "  <style>text{fill:#23272f} .h{font-size:14px;font-weight:600} .d{fill:#666d7a} .g{stroke:#e4e2dd} .l{fill:none;stroke-width:2.2;stroke-linejoin:round}</style>",
    `  <rect width="${width}" height="${height}" rx="8" fill="#ffffff"/>`,
    ...panels.flatMap((panel, index) => draw(panel, index * PANEL.width)),
    ...legend(panels[0]?.lines ?? []),
    `  <text class="d" x="20" y="${height - 14}">${escape(caption)}</text>`,
    "</svg>",
    "",
  ].join("\n");
}

function legend(lines: readonly Line[]): string[] {
  const STEP = 170;
  return lines.flatMap(({ name, color }, index) => [
    `  <path d="M${PANEL.left + index * STEP} 44h22" stroke="${color}" stroke-width="2.2"/>`,
    `  <text x="${PANEL.left + index * STEP + 28}" y="48">${escape(name)}</text>`,
  ]);
}

function draw({ title, xLabel, xTicks, yTicks, lines }: Panel, offset: number): string[] {
  const values = yTicks.map(([value]) => value);
  const left = offset + PANEL.left;
  const right = offset + PANEL.width - PANEL.right;
  const bottom = PANEL.height - PANEL.bottom;
  const x = logScale(xTicks, left, right);
  const y = logScale(values, bottom, PANEL.top);
  return [
    `  <text class="h" x="${left}" y="24">${escape(title)}</text>`,
    ...yTicks.flatMap(([value, label]) => [
      `  <path class="g" d="M${left} ${y(value)}H${right}"/>`,
      `  <text class="d" x="${left - 8}" y="${round(y(value) + 4)}" text-anchor="end">${escape(label)}</text>`,
    ]),
    ...xTicks.map(
      (value) =>
        `  <text class="d" x="${x(value)}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString("en")}</text>`,
    ),
    `  <text class="d" x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${escape(xLabel)}</text>`,
    ...lines.flatMap(({ color, points }) => {
      const at = points.map(([px, py]) => [x(px), y(py)] as const);
      return [
        `  <path class="l" stroke="${color}" d="M${at.map((point) => point.join(" ")).join("L")}"/>`,
        ...at.map(([px, py]) => `  <circle cx="${px}" cy="${py}" r="3" fill="${color}"/>`),
      ];
    }),
  ];
}

/** Values outside of the ticks are drawn at the edge. */
function logScale(ticks: readonly number[], from: number, to: number): (value: number) => number {
  const low = Math.log(ticks[0]!);
  const high = Math.log(ticks.at(-1)!);
  return (value) => {
    const share = Math.min(1, Math.max(0, (Math.log(value) - low) / (high - low)));
    return round(from + share * (to - from));
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
