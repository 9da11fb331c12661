/**
 * The arithmetic of a comparison.
 *
 * Absolute numbers differ between machines and minutes. Stable is the ratio of two contenders measured within the same round.
 * So: one ratio per round, then the median and the range of those. A round in which either side failed gives no ratio.
 */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The value below which a share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined && Number.isFinite(value)) as number[];
  if (known.length === 0) return undefined;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known), count: known.length };
}

/** One ratio per round. undefined if a side is missing or the reference is zero. */
export function ratiosByRound(
  values: readonly (number | undefined)[],
  reference: readonly (number | undefined)[],
): (number | undefined)[] {
  return values.map((value, round) => {
    const base = reference[round];
    return value === undefined || base === undefined || base === 0 ? undefined : value / base;
  });
}

/**
 * A target. With `against` the ratio is judged, without it the number itself. `over` says which rounds decide: the median for a
 * speed, every single round for a promise such as "no request fails".
 */
export interface Target {
  readonly metric: string;
  readonly contender: string;
  readonly against?: string;
  readonly atLeast?: number;
  readonly moreThan?: number;
  readonly atMost?: number;
  readonly over: "median" | "every round";
}

export type Verdict = "reached" | "not reached" | "not measured";

export interface Judged {
  readonly target: Target;
  readonly measured: Spread | undefined;
  readonly verdict: Verdict;
}

export function judge(
  target: Target,
  values: readonly (number | undefined)[],
  reference: readonly (number | undefined)[] | undefined,
): Judged {
  const measured = spread(reference === undefined ? values : ratiosByRound(values, reference));
  if (measured === undefined) return { target, measured, verdict: "not measured" };
  const low = target.over === "median" ? measured.median : measured.min;
  const high = target.over === "median" ? measured.median : measured.max;
  const reached =
    (target.atLeast === undefined || low >= target.atLeast) &&
    (target.moreThan === undefined || low > target.moreThan) &&
    (target.atMost === undefined || high <= target.atMost);
  return { target, measured, verdict: reached ? "reached" : "not reached" };
}

/** Fisher–Yates with a seeded generator, so that a run's order can be repeated. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const held = result[last] as T;
    result[last] = result[other] as T;
    result[other] = held;
  }
  return result;
}

/** mulberry32: 32 bits of state are plenty for shuffling a dozen contenders. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
