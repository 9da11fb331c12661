/**
 * Intervals by bootstrap: the estimate is made again from repetitions drawn with replacement, at every level as many as it has. Whole
 * repetitions are drawn, not requests: what varies between two runs is the machine, and it varies a whole window at once.
 *
 * Redrawn values spread less than new ones would: their variance is (n − 1) / n of it with n repetitions. The interval is therefore widened
 * around the estimate by the root of n / (n − 1), on the logarithmic scale; with 5 repetitions by an eighth.
 */

import type { Random } from "./random.ts";
import { quantileOfSorted, sorted } from "./statistics.ts";

export interface Bootstrap {
  readonly random: Random;
  /** How many times the estimate is made again. */
  readonly resamples: number;
}

/** As many values as there are, each drawn from them at random. */
export function redrawn(values: readonly number[], random: Random): number[] {
  return values.map(() => values[Math.floor(random() * values.length)] as number);
}

/** Of estimates that are logarithms, the quantile at `share`, widened around `estimate` for `repetitions`. */
export function widenedQuantile(
  estimates: readonly number[],
  share: number,
  estimate: number,
  repetitions: number,
): number {
  const wider = Math.sqrt(repetitions / (repetitions - 1));
  return estimate + (quantileOfSorted(sorted(estimates), share) - estimate) * wider;
}
