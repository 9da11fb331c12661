/**
 * The log-hinge: log X = log a + log min(N, k). Below k each client adds a · 1 answers per second; from k on throughput is level at
 * a · k. Fitted by least absolute deviations, so that one burst in one repetition does not move it.
 *
 * The fit is exact, not iterated. Between two neighbouring levels the levels at the left depend on a alone and the levels at the
 * right on a · k alone: each part's best value is a median. If the two medians put k outside the gap, the best k of this gap is one of
 * its ends, because the sum of absolute deviations is convex inside one gap. So it is enough to try each gap and each end.
 */

import { median } from "./statistics.ts";

export interface Hinge {
  /** Answers per second that each client adds below the knee: 1 / R_min. */
  readonly slope: number;
  /** Concurrency at which the two lines cross. */
  readonly knee: number;
  /** slope · knee: throughput beyond the knee. */
  readonly roof: number;
  /** Mean absolute deviation of log X. */
  readonly deviation: number;
}

/** Levels in ascending order; at least two, each with at least one throughput. All are logarithms. */
export function fitHinge(logN: readonly number[], logX: readonly (readonly number[])[]): Hinge {
  const slopes = logX.map((values, level) => values.map((value) => value - (logN[level] as number)));
  const points = logX.reduce((sum, values) => sum + values.length, 0);
  let best = { logA: 0, logK: 0, cost: Infinity };
  const consider = (logK: number, logA: number): void => {
    let cost = 0;
    for (const [level, values] of logX.entries()) {
      const fitted = logA + Math.min(logN[level] as number, logK);
      for (const value of values) cost += Math.abs(value - fitted);
    }
    if (cost < best.cost) best = { logA, logK, cost };
  };
  for (const [level, at] of logN.entries()) {
    consider(
      at,
      median([
        ...slopes.slice(0, level).flat(),
        ...logX
          .slice(level)
          .flat()
          .map((value) => value - at),
      ]),
    );
    if (level + 1 === logN.length) break;
    const logA = median(slopes.slice(0, level + 1).flat());
    const logK = median(logX.slice(level + 1).flat()) - logA;
    if (logK > at && logK < (logN[level + 1] as number)) consider(logK, logA);
  }
  const slope = Math.exp(best.logA);
  const knee = Math.exp(best.logK);
  return { slope, knee, roof: slope * knee, deviation: best.cost / points };
}
