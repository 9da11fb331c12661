/** What the failures of an application mean, together with the exceptions of its record. Pure. */

import { type AppRecord, type Check, checks, type Exception, type HeddleShape, notApplicable } from "./record.ts";
import type { Failure, Outcome } from "./run-app.ts";

export type Cell =
  | { readonly kind: "ok" }
  | { readonly kind: "not applicable"; readonly why: string }
  | { readonly kind: "exception"; readonly whys: readonly string[] }
  | { readonly kind: "failed" }
  | { readonly kind: "not run" };

export interface Verdict {
  readonly app: AppRecord;
  readonly cells: ReadonlyMap<Check, ReadonlyMap<HeddleShape, Cell>>;
  /** Failures that no exception explains, in a line each. */
  readonly unexplained: readonly string[];
  /** Exceptions that did not happen. */
  readonly stale: readonly string[];
}

export function judge(app: AppRecord, { broken, failures }: Outcome, shapes: readonly HeddleShape[]): Verdict {
  const exceptions = app.exceptions ?? [];
  const explained = failures.map((failure) => ({
    failure,
    by: exceptions.filter((each) => explains(each, failure)),
  }));
  const cellOf = (check: Check, shape: HeddleShape): Cell => {
    if (broken !== undefined) return { kind: "failed" };
    const why = notApplicable(app, check);
    if (why !== undefined) return { kind: "not applicable", why };
    const here = explained.filter(({ failure }) => failure.check === check && failure.shape === shape);
    if (here.some(({ by }) => by.length === 0)) return { kind: "failed" };
    if (here.length > 0) return { kind: "exception", whys: [...new Set(here.flatMap(({ by }) => by[0]!.why))] };
    const isDown = failures.some((each) => each.check === "starts" && each.shape === shape);
    return { kind: isDown ? "not run" : "ok" };
  };
  return {
    app,
    cells: new Map(checks.map((check) => [check, new Map(shapes.map((shape) => [shape, cellOf(check, shape)]))])),
    unexplained: [
      ...(broken === undefined ? [] : [`${app.name}: ${broken}`]),
      ...explained.flatMap(({ failure, by }) => (by.length === 0 ? [describe(app, failure)] : [])),
    ],
    stale: broken === undefined ? exceptions.flatMap((each) => staleParts(app, each, failures, shapes)) : [],
  };
}

function explains({ check, shapes, requests }: Exception, failure: Failure): boolean {
  if (check !== failure.check) return false;
  if (shapes !== undefined && !shapes.includes(failure.shape)) return false;
  return requests === undefined || (failure.request !== undefined && requests.includes(failure.request));
}

/** An exception has to happen in each shape and for each request that it names. */
function staleParts(
  app: AppRecord,
  exception: Exception,
  failures: readonly Failure[],
  run: readonly HeddleShape[],
): readonly string[] {
  const happens = failures.filter((failure) => explains(exception, failure));
  const shapes = (exception.shapes ?? run).filter((shape) => run.includes(shape));
  return shapes.flatMap((shape) => {
    const here = happens.filter((failure) => failure.shape === shape);
    const missing =
      exception.requests === undefined
        ? here.length === 0
          ? [""]
          : []
        : exception.requests.filter((name) => !here.some(({ request }) => request === name));
    return missing.map((name) => `${app.name}: ${[exception.check, shape, name].filter(Boolean).join(", ")}`);
  });
}

function describe(app: AppRecord, { check, shape, request, detail }: Failure): string {
  return `${app.name}: ${[check, shape, request].filter(Boolean).join(", ")}: ${detail}`;
}
