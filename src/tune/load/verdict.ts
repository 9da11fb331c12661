/** Decides whether a sample may be used in an estimate, from what was seen while it was taken. */
import type { LeftOut } from "../types.ts";

export interface Seen {
  /** Length of the window. */
  readonly seconds: number;
  readonly answers: number;
  readonly errors: number;
  /** Of the errors, those that are the generator's own: it had no file or port left. Default 0. */
  readonly ownFaults?: number;
  /** The share of its time in which the generator's loop was busy. */
  readonly generatorUtilization: number;
  /** Open loop: of the requests sent, those sent late by the generator's own fault. */
  readonly lateShare: number;
  readonly stealShare: number;
  /** Open loop: of the requests due in the window, those sent in it. */
  readonly sentShare: number;
  /** Closed loop: N. Open loop: the mean in flight. */
  readonly concurrency: number;
  /** Answers per second. */
  readonly throughput: number;
  readonly meanMs: number;
}

const MOST_ERRORS = 0.01;
/** A server that gives no answer at all for so long hangs. In less time it may be the machine that does. */
const SILENT_SECONDS = 1.9;
const MOST_UTILIZATION = 0.9;
const MOST_LATE = 0.01;
/** Ticks of 10 ms: in a window of a second one tick on two cores is 0.5 %. */
const MOST_STEAL = 0.02;
const LEAST_SENT = 0.98;
const LITTLES_LAW_ERROR = 0.05;

/** The first reason that applies; undefined: the sample counts. */
export function leftOut(seen: Seen): LeftOut | undefined {
  const { answers, errors, ownFaults = 0, concurrency, throughput, meanMs, seconds } = seen;
  if (ownFaults > MOST_ERRORS * (answers + errors)) return "generator";
  if (answers === 0 && errors === 0 && seconds < SILENT_SECONDS) return "littles-law";
  if (answers === 0 || errors > MOST_ERRORS * (answers + errors)) return "errors";
  if (seen.generatorUtilization > MOST_UTILIZATION || seen.lateShare > MOST_LATE) return "generator";
  if (seen.stealShare > MOST_STEAL) return "steal";
  if (seen.sentShare < LEAST_SENT) return "rate";
  const inFlight = (throughput * meanMs) / 1000;
  return Math.abs(inFlight - concurrency) > LITTLES_LAW_ERROR * concurrency ? "littles-law" : undefined;
}
