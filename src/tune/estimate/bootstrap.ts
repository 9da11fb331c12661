/**
 * The bootstrap: the estimate is made again from repetitions drawn with replacement, at every level as many as it has. Whole
 * repetitions are drawn, not requests: what varies between two runs is the machine, and it varies a whole window at once.
 */

import type { Random } from "./random.ts";

/** At every level as many values as it has, each drawn from it at random. */
export function resampled(levels: readonly (readonly number[])[], random: Random): number[][] {
  return levels.map((values) => values.map(() => values[Math.floor(random() * values.length)] as number));
}
