/**
 * How far a sweep has to go. Pure.
 *
 * The ladder is 1, 2, 4, … until throughput is flat, by the rule that the estimators have. A level that can't be measured ends it
 * too: beyond the generator's own limit, or where the server answers with errors, no higher level says anything of the knee.
 */

import { isFlat } from "../estimate/flat.ts";
import type { Level } from "../types.ts";
import { counted, medianP95Ms, toThroughputs, whyUnusable } from "./levels.ts";

export type Frontier =
  | { readonly kind: "open"; readonly next: number }
  | { readonly kind: "closed"; readonly why: "flat" | "largest" | "generator" | "errors" };

/** With fewer levels no estimator says anything, however flat they are. */
const LEAST_LEVELS = 4;

/** A level without a sample that counts is measured this often before the ladder goes on, or ends. */
const ATTEMPTS = 2;

export function frontier(levels: readonly Level[], largest: number): Frontier {
  const last = levels.at(-1);
  if (last === undefined) return { kind: "open", next: 1 };
  if (counted(last).length === 0) {
    if (last.samples.length < ATTEMPTS) return { kind: "open", next: last.concurrency };
    const reason = whyUnusable(last);
    if (reason === "generator" || reason === "errors") return { kind: "closed", why: reason };
  }
  const throughputs = toThroughputs(levels);
  if (throughputs.length >= LEAST_LEVELS && isFlat(throughputs)) return { kind: "closed", why: "flat" };
  if (last.concurrency >= largest) return { kind: "closed", why: "largest" };
  return { kind: "open", next: Math.min(largest, last.concurrency * 2) };
}

/** An SLO is bracketed by the largest level that meets it and the smallest that breaches it. */
export interface Bracket {
  /** 0: even one client breaches it. */
  readonly meets: number;
  /** undefined: none does yet. */
  readonly breaches?: number;
}

/** By the median p95 of each level; a level of errors breaches every SLO. */
export function bracket(levels: readonly Level[], p95Ms: number): Bracket {
  let meets = 0;
  for (const level of levels) {
    const p95 = medianP95Ms(level);
    if (whyUnusable(level) === "errors" || (p95 !== undefined && p95 > p95Ms)) {
      return { meets, breaches: level.concurrency };
    }
    if (p95 !== undefined) meets = level.concurrency;
  }
  return { meets };
}
