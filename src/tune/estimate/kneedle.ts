/**
 * Kneedle (Satopää et al., "Finding a 'Kneedle' in a Haystack", 2011): the knee of a curve as a person would point at it. Both axes
 * are scaled to 0..1; the knee is the first local maximum of the distance from the diagonal after which the distance falls by the
 * sensitivity. It depends on how far the sweep went, so it is a marker on the chart and never the answer: see `knee.ts`.
 */

import { bad, isPositiveOrZero } from "./input.ts";

export interface KneedleOptions {
  /** Concave: rises ever slower (throughput). Convex: rises ever faster (latency). @default "concave" */
  readonly curve?: "concave" | "convex";
  /** How many mean steps the curve must flatten after the knee. 0 finds the most. @default 1 */
  readonly sensitivity?: number;
}

/** The x of the knee of a rising curve; undefined if there is none. Points ascend by x; fewer than 3 have no knee. */
export function kneedle(
  points: readonly (readonly [x: number, y: number])[],
  options: KneedleOptions = {},
): number | undefined {
  const { curve = "concave", sensitivity = 1 } = options;
  if (!isPositiveOrZero(sensitivity)) throw bad("sensitivity", sensitivity, "a finite number, at least 0");
  checkPoints(points);
  if (points.length < 3) return undefined;
  const xs = scaled(points.map(([x]) => x));
  const ys = scaled(points.map(([, y]) => y));
  if (xs === undefined || ys === undefined) return undefined;
  const distance = xs.map((x, at) => {
    const y = ys[at] as number;
    return curve === "concave" ? y - x : x - y;
  });
  const threshold = sensitivity / (points.length - 1);
  for (const [at, here] of distance.entries()) {
    if (at === 0 || at === distance.length - 1) continue;
    if (here < (distance[at - 1] as number) || here < (distance[at + 1] as number)) continue;
    for (const later of distance.slice(at + 1)) {
      if (later > here) break;
      if (later < here - threshold) return points[at]?.[0];
    }
  }
  return undefined;
}

function checkPoints(points: readonly (readonly [number, number])[]): void {
  if (!Array.isArray(points)) throw bad("points", points, "an array of [x, y]");
  for (const [at, point] of points.entries()) {
    if (!Array.isArray(point) || !point.every((number) => Number.isFinite(number)) || point.length !== 2) {
      throw bad(`points[${at}]`, point, "[x, y], both finite numbers");
    }
    const before = points[at - 1] as readonly [number, number] | undefined;
    if (before !== undefined && point[0] <= before[0]) throw bad(`points[${at}]`, point, `an x above ${before[0]}`);
  }
}

/** To 0..1; undefined if all are equal. */
function scaled(numbers: readonly number[]): number[] | undefined {
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  return high > low ? numbers.map((number) => (number - low) / (high - low)) : undefined;
}
