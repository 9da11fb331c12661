/** Puts a result together: the fields of the best shape at the top. Pure. */

import type { Scenario } from "../scenario/scenario.ts";
import type { ShapeResult, TuneResult } from "../types.ts";

export interface ResultParts extends Pick<TuneResult, "audit" | "machine" | "notes" | "perRoute" | "seconds"> {
  /** As the user named it. */
  readonly target: string;
  readonly scenario: Scenario;
  /** The best first. */
  readonly shapes: readonly [ShapeResult, ...ShapeResult[]];
  readonly startedAt: Date;
  readonly sloP95Ms: number | undefined;
}

export function buildResult(parts: ResultParts): TuneResult {
  const { target, scenario, shapes, startedAt, sloP95Ms, ...rest } = parts;
  const [{ knee, throughputMax, p95AtKneeMs, slo, levels }] = shapes;
  return {
    version: 1,
    knee,
    throughputMax,
    ...(p95AtKneeMs === undefined ? {} : { p95AtKneeMs }),
    ...(slo === undefined || sloP95Ms === undefined ? {} : { slo: { ...slo, targetMs: sloP95Ms } }),
    levels,
    shapes,
    scenario: {
      target,
      requests: scenario.requests.map(({ method, path, weight }) => ({ method, path, weight })),
    },
    startedAt: startedAt.toISOString(),
    ...rest,
  };
}
