/**
 * Whether a sweep went far enough: throughput is level over the last levels. The sweep asks it to know when to stop, and `estimateKnee`
 * to know whether there was a knee: one rule for both.
 */

import type { LevelThroughputs } from "../types.ts";
import { checkedLevels } from "./input.ts";
import { median } from "./statistics.ts";

/** The last levels are at least so many, and reach at least so far back: the last of 1, 2, 4, … are three. */
const LAST_LEVELS = 3;
const LAST_SPAN = 4;

/** Throughput that grows by less than this power of the concurrency is level: N^0.1 is 7 % for a doubling. */
const LEVEL_POWER = 0.1;

/** Whether throughput no longer grows with the concurrency over the last levels, or over all if they reach less far. False with two. */
export function isFlat(levels: readonly LevelThroughputs[]): boolean {
  const checked = checkedLevels(levels);
  return checked.length >= LAST_LEVELS && !isRising(checked);
}

/** Whether throughput still grows there. With two levels or three over all of them; false with one. */
export function isRising(levels: readonly LevelThroughputs[]): boolean {
  const medians = checkedLevels(levels).map(
    ({ concurrency, throughputs }) => [concurrency, median(throughputs)] as const,
  );
  const end = medians.at(-1)?.[0] ?? 0;
  const reaching = medians.findLastIndex(([n]) => n * LAST_SPAN <= end);
  const from = Math.max(0, Math.min(medians.length - LAST_LEVELS, reaching));
  return growth(medians.slice(from)) >= LEVEL_POWER;
}

/** The slope of log X over log N by least squares; 0 where nothing was answered. */
function growth(points: readonly (readonly [n: number, x: number])[]): number {
  const logs = points.filter(([, x]) => x > 0).map(([n, x]) => [Math.log(n), Math.log(x)] as const);
  if (logs.length < 2) return 0;
  const middle = logs.reduce((sum, [n]) => sum + n, 0) / logs.length;
  const spread = logs.reduce((sum, [n]) => sum + (n - middle) ** 2, 0);
  return logs.reduce((sum, [n, x]) => sum + (n - middle) * x, 0) / spread;
}
