/** How many threads, by the classic rules. Pure. */

import type { Recommendation } from "../types.ts";

/** A thread has a heap and a copy of the app: about ten megabytes. */
const MOST_THREADS = 128;

/** Threads that keep `cores` busy: while one waits, another computes. At least one for each core. */
export function threadsFor(cores: number, cpuMs: number, waitMs: number): number {
  return Math.min(MOST_THREADS, Math.max(cores, Math.round(waitToCompute(cores, cpuMs, waitMs))));
}

function waitToCompute(cores: number, cpuMs: number, waitMs: number): number {
  // A request without measurable CPU time: as many as there may be.
  return cpuMs > 0 ? cores * (1 + waitMs / cpuMs) : MOST_THREADS;
}

/** What other servers' guides say, beside the measured answer. */
export function classicRules(cores: number, cpuMs: number, waitMs: number): Recommendation["classic"] {
  return {
    cores,
    twiceCores: 2 * cores,
    waitToCompute: Math.round(waitToCompute(cores, cpuMs, waitMs)),
    gunicorn: 2 * cores + 1,
    puma: 5,
  };
}
