/** The results as Markdown: what every limiter does in the simulator, and what real servers do. Pure. */
import type { LimiterName } from "./limiters/all.ts";
import type { Measured } from "./measure.ts";
import type { Change, Drift, Overload } from "./trials.ts";

export interface Simulated {
  readonly limiter: LimiterName;
  readonly system: string;
  readonly twice: Overload;
  readonly fiveTimes: Overload;
  readonly change: Change;
}

export interface Drifted {
  readonly limiter: LimiterName;
  readonly little: Drift;
  readonly much: Drift;
}

export function simulatedTable(rows: readonly Simulated[]): string {
  return table(
    [
      "limiter",
      "system",
      "goodput 2×",
      "p95 2×",
      "goodput 5×",
      "p95 5×",
      "recovered after",
      "follows × 3",
      "follows ÷ 3",
    ],
    rows.map(({ limiter, system, twice, fiveTimes, change }) => [
      limiter,
      system,
      share(twice.goodput),
      times(twice.p95),
      share(fiveTimes.goodput),
      times(fiveTimes.p95),
      seconds(Math.max(twice.recoveredAfter, fiveTimes.recoveredAfter)),
      seconds(change.followedUpAfter),
      seconds(change.followedDownAfter),
    ]),
  );
}

export function driftTable(rows: readonly Drifted[]): string {
  return table(
    ["limiter", "arrivals", "goodput", "largest limit by the knee", "growth of the limit", "baseline by the true one"],
    rows.flatMap(({ limiter, little, much }) =>
      [["1.1×", little] as const, ["2×", much] as const].map(([arrivals, drift]) => [
        limiter,
        arrivals,
        share(drift.goodput),
        times(drift.largest),
        times(drift.growth),
        times(drift.baseline),
      ]),
    ),
  );
}

/** A p95 of 0 is that of no answers. */
export function measuredTable(rows: readonly { readonly name: string; readonly measured: Measured }[]): string {
  return table(
    [
      "server",
      "answers/s",
      "p95 at knee",
      "2×: goodput",
      "p95",
      "after",
      "5×: goodput",
      "p95",
      "after",
      "× 3: goodput",
      "p95",
      "÷ 3: goodput",
      "p95",
    ],
    rows.map(({ name, measured }) => {
      const { throughputMax, p95AtKneeMs, overloads, dear, cheap } = measured;
      const overload = (by: string): string[] => {
        const { goodput, p95Ms, after } = overloads[by]!;
        const calm = after.answeredShare === 0 ? "nothing" : `${share(after.answeredShare)} in ${ms(after.p95Ms)}`;
        return [share(goodput / throughputMax), times(p95Ms / p95AtKneeMs), calm];
      };
      return [
        name,
        throughputMax.toFixed(0),
        ms(p95AtKneeMs),
        ...overload("2"),
        ...overload("5"),
        share(dear.goodput / dear.throughputMax),
        times(dear.p95Ms / dear.p95AtKneeMs),
        share(cheap.goodput / throughputMax),
        times(cheap.p95Ms / p95AtKneeMs),
      ];
    }),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function share(of: number): string {
  return Number.isFinite(of) ? `${Math.round(of * 100)} %` : "–";
}

function times(of: number): string {
  return Number.isFinite(of) && of > 0 ? `${of.toFixed(2)}×` : "–";
}

function seconds(of: number): string {
  return Number.isFinite(of) ? `${of} s` : "never";
}

function ms(of: number): string {
  return Number.isFinite(of) ? `${of.toFixed(of < 10 ? 1 : 0)} ms` : "–";
}
