/** Marks of different forms: what differs in colour differs in form as well, for readers who do not tell the colours apart. */

import { type Markup, markup } from "./markup.ts";

export type ShapeName = "circle" | "square" | "triangle" | "diamond" | "cross" | "plus" | "down" | "bars";

export function shape(
  name: ShapeName,
  x: number,
  y: number,
  radius: number,
  className: string,
  title?: string,
): Markup {
  const inner = title === undefined ? undefined : markup`<title>${title}</title>`;
  if (name === "circle")
    return markup`<circle class="${className}" cx="${x}" cy="${y}" r="${radius}">${inner}</circle>`;
  return markup`<path class="${className}" d="${OUTLINES[name](x, y, radius)}">${inner}</path>`;
}

type Outline = (x: number, y: number, radius: number) => string;

const OUTLINES: Readonly<Record<Exclude<ShapeName, "circle">, Outline>> = {
  square: (x, y, r) => closed([x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r]),
  triangle: (x, y, r) => closed([x, y - r * 1.2], [x + r * 1.15, y + r], [x - r * 1.15, y + r]),
  down: (x, y, r) => closed([x, y + r * 1.2], [x + r * 1.15, y - r], [x - r * 1.15, y - r]),
  diamond: (x, y, r) => closed([x, y - r * 1.3], [x + r * 1.3, y], [x, y + r * 1.3], [x - r * 1.3, y]),
  cross: (x, y, r) => `${open([x - r, y - r], [x + r, y + r])}${open([x - r, y + r], [x + r, y - r])}`,
  plus: (x, y, r) => `${open([x, y - r * 1.2], [x, y + r * 1.2])}${open([x - r * 1.2, y], [x + r * 1.2, y])}`,
  bars: (x, y, r) =>
    `${open([x - r * 0.6, y - r], [x - r * 0.6, y + r])}${open([x + r * 0.6, y - r], [x + r * 0.6, y + r])}`,
};

type Corner = readonly [x: number, y: number];

function open(...corners: readonly Corner[]): string {
  return `M${corners.map(([x, y]) => `${rounded(x)} ${rounded(y)}`).join("L")}`;
}

function closed(...corners: readonly Corner[]): string {
  return `${open(...corners)}Z`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
