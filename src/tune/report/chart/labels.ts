/** Where labels go, so that none covers another or what is drawn. Pure geometry. */

import { textWidth } from "./text-width.ts";

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export type Anchor = "start" | "middle" | "end";

export interface Label {
  readonly text: string;
  readonly x: number;
  /** The baseline. */
  readonly y: number;
  readonly anchor: Anchor;
}

export function boxOf({ text, x, y, anchor }: Label, fontSize: number): Box {
  const width = textWidth(text, fontSize);
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { left, top: y - fontSize * 0.85, right: left + width, bottom: y + fontSize * 0.25 };
}

export function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** The first of the places at which the label covers nothing; if each covers something, the one that covers the fewest. */
export function placed(places: readonly Label[], obstacles: readonly Box[], fontSize: number): Label {
  const covered = (label: Label): number => {
    const box = boxOf(label, fontSize);
    return obstacles.filter((each) => overlaps(box, each)).length;
  };
  return places.toSorted((a, b) => covered(a) - covered(b))[0]!;
}

/** Boxes along a line through points, close enough to stand for it. */
export function obstaclesOf(points: readonly (readonly [x: number, y: number])[], reach = 4): Box[] {
  const STEP = 8;
  return points.flatMap(([x, y], index) => {
    const [toX, toY] = points[index + 1] ?? [x, y];
    const steps = Math.max(1, Math.ceil(Math.hypot(toX - x, toY - y) / STEP));
    return Array.from({ length: steps }, (_, step) => {
      const [cx, cy] = [x + ((toX - x) * step) / steps, y + ((toY - y) * step) / steps];
      return { left: cx - reach, top: cy - reach, right: cx + reach, bottom: cy + reach };
    });
  });
}

/** Moves places on one axis apart until neighbours are `gap` apart, within `low` and `high`. The order of input is kept. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at);
  const room = Math.min(gap, (high - low) / Math.max(1, order.length - 1));
  let floor = low;
  for (const each of order) {
    each.at = Math.max(each.at, floor);
    floor = each.at + room;
  }
  let ceiling = high;
  for (const each of order.toReversed()) {
    each.at = Math.min(each.at, ceiling);
    ceiling = each.at - room;
  }
  const places: number[] = [];
  for (const { at, index } of order) places[index] = at;
  return places;
}
