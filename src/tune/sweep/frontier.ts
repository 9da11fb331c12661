/**
 * How far a sweep has to go. Pure.
 *
 * The ladder is 1, 2, 4, … Throughput is flat when, of three levels each at least twice the one before, the upper two are at
 * most 5 % above the lowest. A slow rise of 4 % at each doubling is not flat. A level that can't be measured ends the ladder:
 * beyond the generator's own limit, or where the server answers with errors, no higher level says anything of the knee.
 */

import type { Level } from "../types.ts";
import { counted, medianP95Ms, medianThroughput, whyUnusable } from "./levels.ts";

export type Frontier =
  | { readonly kind: "open"; readonly next: number }
  | { readonly kind: "closed"; readonly why: "flat" | "largest" | "generator" | "errors" };

/** Throughput may rise by this much over a fourfold concurrency, and still is flat: half of it is noise of a good machine. */
const FLAT_WITHIN = 0.05;

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
  if (isFlat(levels)) return { kind: "closed", why: "flat" };
  if (last.concurrency >= largest) return { kind: "closed", why: "largest" };
  return { kind: "open", next: Math.min(largest, last.concurrency * 2) };
}

/** Levels that refinement has put between those of the ladder are not looked at. */
export function isFlat(levels: readonly Level[]): boolean {
  const rungs: number[] = [];
  let below = Infinity;
  for (const level of levels.toReversed()) {
    const throughput = medianThroughput(level);
    if (throughput === undefined || level.concurrency > below) continue;
    rungs.push(throughput);
    below = level.concurrency / 2;
    if (rungs.length === 3) break;
  }
  const [last, middle, first] = rungs;
  if (last === undefined || middle === undefined || first === undefined) return false;
  return Math.max(last, middle) <= first * (1 + FLAT_WITHIN);
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
