/** Reads a run's results for the charts and tables. */

import { existsSync, readFileSync } from "node:fs";

export interface Results {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly date: string };
  readonly scenarios: readonly {
    readonly name: string;
    readonly contenders: readonly {
      readonly name: string;
      readonly rounds: readonly { readonly metrics?: Readonly<Record<string, number>> }[];
    }[];
    readonly targets: readonly Judged[];
  }[];
}

export interface Judged {
  readonly target: {
    readonly metric: string;
    readonly contender: string;
    readonly against?: string;
    readonly atLeast?: number;
    readonly moreThan?: number;
    readonly atMost?: number;
  };
  readonly measured?: { readonly median: number; readonly min: number; readonly max: number };
}

/** A run that has no results yet has no scenarios. */
export function readResults(run: "serve" | "models" | "runtime" | "sockets"): Results {
  const file = new URL(`../results/${run}.json`, import.meta.url);
  if (!existsSync(file)) return { machine: { cpu: "", cores: 0, node: "", date: "" }, scenarios: [] };
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}

/** Over all rounds. undefined: it was not measured. */
export function medianIfMeasured(
  results: Results,
  scenario: string,
  contender: string,
  metric: string,
): number | undefined {
  const found = results.scenarios.find(({ name }) => name === scenario);
  const rounds = found?.contenders.find(({ name }) => name === contender)?.rounds ?? [];
  const values = rounds.flatMap(({ metrics }) => (metrics?.[metric] === undefined ? [] : [metrics[metric]]));
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** Over all rounds. @throws Error if it was not measured */
export function medianOf(results: Results, scenario: string, contender: string, metric: string): number {
  const value = medianIfMeasured(results, scenario, contender, metric);
  if (value === undefined) throw new Error(`the results have no ${metric} of "${contender}" in ${scenario}`);
  return value;
}

/** undefined: the results have no such target, or it was not measured. */
export function judgedOf(
  results: Results,
  scenario: string,
  { metric, contender, against }: { readonly metric: string; readonly contender: string; readonly against?: string },
): (Judged & { measured: NonNullable<Judged["measured"]> }) | undefined {
  const judged = results.scenarios
    .find(({ name }) => name === scenario)
    ?.targets.find(
      ({ target }) => target.metric === metric && target.contender === contender && target.against === against,
    );
  return judged?.measured === undefined ? undefined : { ...judged, measured: judged.measured };
}
