/**
 * The log-hinge: log X = log a + log min(N, k). Below k each client adds `a` answers per second; from k on throughput is level at
 * a · k. Fitted by least absolute deviations, so that one burst in one repetition does not move it. In two steps:
 *
 * 1. `plainHinge` over all levels. The fit is exact, not iterated. Between two neighbouring levels the levels at the left depend on `a`
 *    alone and the levels at the right on a · k alone: each part's best value is a median. If the two medians put k outside the gap, the
 *    best k of this gap is one of its ends, because the sum of absolute deviations is convex inside one gap. So it is enough to try each
 *    gap and each end.
 * 2. `withoutCorner`: the same fit again, without the levels within a factor of 3 of k. There a real system is below both lines (chance
 *    meetings queue before all servers are busy), and the knee is the crossing of the lines, not a point of the curve. Step 1 alone is up
 *    to 5 % off, and its interval misses the truth three times as often as it says: docs/decisions/knee-estimate.md.
 *
 * N and X are natural logarithms here. Levels ascend; there are at least two, and each has at least one throughput.
 */

import { median } from "./statistics.ts";

export interface LogLevel {
  readonly n: number;
  readonly xs: readonly number[];
}

/** All three are logarithms. */
export interface LogHinge {
  /** Answers per second that each client adds below the knee: 1 / R_min. */
  readonly slope: number;
  /** Concurrency at which the two lines cross. */
  readonly knee: number;
  /** slope + knee: throughput beyond the knee. */
  readonly roof: number;
}

const CORNER = Math.log(3);

export function fitLogHinge(levels: readonly LogLevel[]): LogHinge {
  return withoutCorner(levels, plainHinge(levels).knee);
}

export function plainHinge(levels: readonly LogLevel[]): LogHinge {
  let best = { slope: 0, knee: 0, cost: Infinity };
  const consider = (knee: number, slope: number): void => {
    const cost = deviation(levels, knee, slope);
    if (cost < best.cost) best = { slope, knee, cost };
  };
  for (const [at, { n }] of levels.entries()) {
    const left = levels.slice(0, at + 1);
    const right = levels.slice(at + 1);
    consider(n, median([...perClient(left), ...throughputs(right).map((x) => x - n)]));
    if (right.length === 0) break;
    const slope = median(perClient(left));
    const knee = median(throughputs(right)) - slope;
    if (knee > n && knee < (right[0] as LogLevel).n) consider(knee, slope);
  }
  return { slope: best.slope, knee: best.knee, roof: best.slope + best.knee };
}

/** The lines through the levels that are clearly below and clearly above `knee`, and where they cross. */
export function withoutCorner(levels: readonly LogLevel[], knee: number): LogHinge {
  const below = levels.filter(({ n }) => n <= knee - CORNER);
  const above = levels.filter(({ n }) => n >= knee + CORNER);
  const slope = median(perClient(below.length > 0 ? below : levels.slice(0, 1)));
  const roof = median(throughputs(above.length > 0 ? above : levels.slice(-1)));
  return { slope, knee: roof - slope, roof };
}

function deviation(levels: readonly LogLevel[], knee: number, slope: number): number {
  let sum = 0;
  for (const { n, xs } of levels) {
    const fitted = slope + Math.min(n, knee);
    for (const x of xs) sum += Math.abs(x - fitted);
  }
  return sum;
}

function perClient(levels: readonly LogLevel[]): number[] {
  return levels.flatMap(({ n, xs }) => xs.map((x) => x - n));
}

function throughputs(levels: readonly LogLevel[]): number[] {
  return levels.flatMap(({ xs }) => xs);
}
