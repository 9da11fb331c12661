/** What is drawn into a frame. A layer knows places and classes; colours are in the style. */

import type { Interval } from "../levels.ts";
import type { Frame } from "./frame.ts";
import { FONT_SIZE, inside } from "./frame.ts";
import { type Label, obstaclesOf, placed } from "./labels.ts";
import { type Markup, markup } from "./markup.ts";
import { shape, type ShapeName } from "./shapes.ts";

export interface Point {
  readonly x: number;
  readonly y: Interval;
}

export function placesOf({ x, y }: Frame, points: readonly Point[]): [x: number, y: number][] {
  return points.map((point) => [x.at(point.x), y.at(point.y.value)]);
}

/** The samples behind the values, small. */
export function samples(frame: Frame, at: readonly (readonly [x: number, y: number])[], className: string): Markup {
  return markup`<g class="${className}">${at.map(([x, y]) => shape("circle", frame.x.at(x), frame.y.at(y), 1.8, "sample"))}</g>`;
}

/** A line through the values, a bar for each interval, a mark for each value. `className` sets the colour. */
export function series(frame: Frame, points: readonly Point[], className: string, mark: ShapeName = "circle"): Markup {
  const at = placesOf(frame, points);
  return markup`<g class="${className}">${[
    at.length > 1 && markup`<path class="line" d="${pathOf(at)}"/>`,
    ...points.map(({ y }, index) => whisker(frame, at[index]![0], y)),
    ...at.map(([x, y]) => shape(mark, x, y, 3.5, "dot")),
  ]}</g>`;
}

/** Nothing for an interval that is not higher than the mark of its value. An end that leaves the plot has no cap. */
function whisker(frame: Frame, x: number, { low, high }: Interval): Markup | undefined {
  const [top, bottom] = [round(frame.y.at(high)), round(frame.y.at(low))];
  if (bottom - top < 7) return undefined;
  const left = round(x);
  const cap = (at: number, isWithin: boolean): string => (isWithin ? `M${left - 3} ${at}h6` : "");
  return markup`<path class="whisker" d="${`M${left} ${top}V${bottom}${cap(top, high <= frame.y.high)}${cap(bottom, low >= frame.y.low)}`}"/>`;
}

/** A function of the horizontal axis, from its low to its high end. Values outside of the vertical axis are not drawn. */
export function fitted(frame: Frame, of: (x: number) => number, className: string): Markup {
  const STEPS = 96;
  const { low, high } = frame.x;
  const all = Array.from({ length: STEPS + 1 }, (_, step) => low * (high / low) ** (step / STEPS));
  const at = all.flatMap((x): [number, number][] => {
    const y = of(x);
    return y >= frame.y.low && y <= frame.y.high ? [[frame.x.at(x), frame.y.at(y)]] : [];
  });
  return at.length < 2 ? markup`` : markup`<path class="${className}" d="${pathOf(at)}"/>`;
}

/** The knee as a line over the height, its interval as a band, and its name above the plot. */
export function kneeBand(frame: Frame, { value, low, high }: Interval, text: string): Markup {
  const [from, at, to] = [frame.x.at(low), frame.x.at(value), frame.x.at(high)];
  return markup`<g class="knee"><rect class="band" x="${from}" y="${frame.top}" width="${Math.max(1, to - from)}" height="${frame.bottom - frame.top}"/><path class="rule" d="M${at} ${frame.top}V${frame.bottom}"/><text class="strong" x="${inside(at, text, frame.width)}" y="${frame.top - 6}" text-anchor="middle">${text}</text></g>`;
}

/** A level line with its name at the end that is free of the given curve. */
export function target(
  frame: Frame,
  y: number,
  text: string,
  className: string,
  curve: readonly [number, number][],
): Markup {
  const at = frame.y.at(y);
  const ends: Label[] = [-6, 15].flatMap((shift) => [
    { text, x: frame.left + 4, y: at + shift, anchor: "start" as const },
    { text, x: frame.right - 2, y: at + shift, anchor: "end" as const },
  ]);
  const fits = ends.filter((end) => end.y - FONT_SIZE > frame.top - 4 && end.y < frame.bottom - 2);
  const label = placed(fits.length === 0 ? ends : fits, obstaclesOf(curve, 6), FONT_SIZE);
  return markup`<g class="${className}"><path class="rule" d="M${frame.left} ${at}H${frame.right}"/><text class="halo" x="${label.x}" y="${label.y}" text-anchor="${label.anchor}">${label.text}</text></g>`;
}

/** An invisible strip over the height for each value, whose title the browser shows. */
export function strips(frame: Frame, tips: readonly { readonly x: number; readonly text: string }[]): Markup {
  const at = tips.map(({ x }) => frame.x.at(x));
  return markup`<g class="strips">${tips.map(({ text }, index) => {
    const from = index === 0 ? frame.left : (at[index - 1]! + at[index]!) / 2;
    const to = index === tips.length - 1 ? frame.right : (at[index]! + at[index + 1]!) / 2;
    return markup`<rect class="strip" x="${from}" y="${frame.top}" width="${Math.max(1, to - from)}" height="${frame.bottom - frame.top}"><title>${text}</title></rect>`;
  })}</g>`;
}

export function pathOf(at: readonly (readonly [x: number, y: number])[]): string {
  return `M${at.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`;
}

function round(place: number): number {
  return Math.round(place * 10) / 10;
}
