/** Reads a run's results for the charts and tables. */

import { readFileSync } from "node:fs";

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

export function readResults(run: "serve" | "models" | "runtime"): Results {
  return JSON.parse(readFileSync(new URL(`../results/${run}.json`, import.meta.url), "utf8")) as Results;
}

/** Over all rounds. @throws Error if it was not measured */
export function medianOf(results: Results, scenario: string, contender: string, metric: string): number {
  const found = results.scenarios.find(({ name }) => name === scenario);
  const rounds = found?.contenders.find(({ name }) => name === contender)?.rounds ?? [];
  const values = rounds.flatMap(({ metrics }) => (metrics?.[metric] === undefined ? [] : [metrics[metric]]));
  if (values.length === 0) throw new Error(`the results have no ${metric} of "${contender}" in ${scenario}`);
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** @throws Error if there is no such target, or it was not measured */
export function judgedOf(
  results: Results,
  scenario: string,
  { metric, contender, against }: { readonly metric: string; readonly contender: string; readonly against?: string },
): Judged & { measured: NonNullable<Judged["measured"]> } {
  const judged = results.scenarios
    .find(({ name }) => name === scenario)
    ?.targets.find(
      ({ target }) => target.metric === metric && target.contender === contender && target.against === against,
    );
  if (judged?.measured === undefined)
    throw new Error(`the results have no ${metric} of "${contender}" against "${against ?? "nobody"}" in ${scenario}`);
  return { ...judged, measured: judged.measured };
}
