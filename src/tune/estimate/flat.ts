/**
 * Whether a sweep went far enough: throughput is level over the last levels. The sweep asks it to know when to stop, and `estimateKnee`
 * to know whether there was a knee: one rule for both.
 */

import type { LevelThroughputs } from "../types.ts";
import { checkedLevels } from "./input.ts";
import { median } from "./statistics.ts";

/** The last levels are at least so many, and reach at least so far back: the last of 1, 2, 4, … are three. */
export const LAST_LEVELS = 3;
const LAST_SPAN = 4;

/** Throughput that grows by less than this power of the concurrency is level: N^0.1 is 7 % for a doubling. */
const LEVEL_POWER = 0.1;

/** Whether throughput no longer grows with the concurrency over the last levels. False with fewer than three. */
export function isFlat(levels: readonly LevelThroughputs[]): boolean {
  const checked = checkedLevels(levels).map(
    ({ concurrency, throughputs }) => [concurrency, median(throughputs)] as const,
  );
  const end = checked.at(-1)?.[0] ?? 0;
  const from = Math.min(
    checked.length - LAST_LEVELS,
    checked.findIndex(([n]) => n * LAST_SPAN >= end),
  );
  if (from < 0) return false;
  return growth(checked.slice(from)) < LEVEL_POWER;
}

/** The slope of log X over log N by least squares. */
function growth(points: readonly (readonly [n: number, x: number])[]): number {
  const logs = points.filter(([, x]) => x > 0).map(([n, x]) => [Math.log(n), Math.log(x)] as const);
  const middle = logs.reduce((sum, [n]) => sum + n, 0) / logs.length;
  const spread = logs.reduce((sum, [n]) => sum + (n - middle) ** 2, 0);
  return logs.reduce((sum, [n, x]) => sum + (n - middle) * x, 0) / spread;
}
