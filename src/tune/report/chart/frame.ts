/** The axes of a chart: margins that fit the labels, grid lines, ticks. Everything else is drawn into a frame. */

import { type Markup, markup } from "./markup.ts";
import { fittingTicks, linearScale, linearTicks, logScale, logTicks, type Scale } from "./scale.ts";
import { textWidth } from "./text-width.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Axis {
  readonly kind: "log" | "linear";
  /** A linear axis begins at 0. */
  readonly low: number;
  readonly high: number;
  readonly label: string;
  readonly told: (value: number) => string;
  /** Only whole numbers get a tick. */
  readonly isWhole?: boolean;
}

export interface Margins {
  /** Above the plot, for labels of what is drawn. Default: 20. */
  readonly top?: number;
  /** Default: 14. */
  readonly right?: number;
}

export interface Frame extends Size {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Grid, ticks and labels. */
  readonly axes: Markup;
}

export const FONT_SIZE = 12;
const GAP = 8;
/** Below the plot: the labels of the ticks and of the axis. */
const BELOW = 42;
/** Above the plot: the label of the vertical axis. */
const ABOVE = 18;

export function frame(size: Size, xAxis: Axis, yAxis: Axis, margins: Margins = {}): Frame {
  const top = ABOVE + (margins.top ?? 20);
  const bottom = size.height - BELOW;
  const y = scaleOf(yAxis, bottom, top);
  const yTicks = fittingTicks(setsOf(yAxis), y, () => FONT_SIZE, GAP);
  const left = Math.ceil(GAP + Math.max(...yTicks.map((tick) => textWidth(yAxis.told(tick), FONT_SIZE)))) + 2;
  const right = size.width - (margins.right ?? 14);
  const x = scaleOf(xAxis, left, right);
  const xTicks = fittingTicks(setsOf(xAxis), x, (tick) => textWidth(xAxis.told(tick), FONT_SIZE), GAP);
  const axes = markup`<g class="axes">${[
    ...yTicks.map(
      (tick) =>
        markup`<path class="grid" d="M${left} ${y.at(tick)}H${right}"/><text class="tick" x="${left - GAP}" y="${y.at(tick) + 4}" text-anchor="end">${yAxis.told(tick)}</text>`,
    ),
    ...xTicks.map((tick) => {
      const label = xAxis.told(tick);
      if (label === "") return undefined;
      return markup`<path class="notch" d="M${x.at(tick)} ${bottom}v4"/><text class="tick" x="${inside(x.at(tick), label, size.width)}" y="${bottom + 18}" text-anchor="middle">${label}</text>`;
    }),
  ]}<path class="floor" d="M${left} ${bottom}H${right}"/><text class="axis" x="${GAP / 2}" y="12">${yAxis.label}</text><text class="axis" x="${(left + right) / 2}" y="${bottom + 36}" text-anchor="middle">${xAxis.label}</text></g>`;
  return { ...size, x, y, left, right, top, bottom, axes };
}

/** The middle of a centred text, moved so that it does not leave the picture. */
export function inside(x: number, text: string, width: number): number {
  const half = textWidth(text, FONT_SIZE) / 2;
  return Math.max(half, Math.min(width - half, x));
}

function scaleOf({ kind, low, high }: Axis, from: number, to: number): Scale {
  return kind === "log" ? logScale(low, high, from, to) : linearScale(0, high, from, to);
}

function setsOf({ kind, low, high, isWhole = false }: Axis): number[][] {
  if (kind === "log")
    return logTicks(low, high).map((ticks) => ticks.filter((tick) => !isWhole || Number.isInteger(tick)));
  return [8, 5, 4, 3, 2, 1].map((most) => linearTicks(high, most).filter((tick) => tick <= high * 1.001));
}
