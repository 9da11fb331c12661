/** How long a window of a sweep is. Pure. */

import type { Level } from "../types.ts";
import { counted, median } from "./levels.ts";

export interface Window {
  readonly concurrency: number;
  /** Load at this concurrency before the measurement: connections open, queues fill. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Answers in a window at least: the throughput of a server whose answers vary by as much as they take is then right to 20 %. */
const ANSWERS = 30;

/** Each client should get this many: a server that answers in bursts shows two of them. */
const ANSWERS_EACH = 2;

/** So many p95 of an unsteady window are taken for one answer: the clients that waited were only seen if they got one. */
const UNSTEADY_FACTOR = 2;

/** After a window without an answer. The next one is eight times as long, and shows whether there are any. */
const SILENT_FACTOR = 2;

const SHORTEST_WARM_UP_MS = 100;

/** The first answers of all clients come at once or wait for each other; the next ones are spread. */
const WARM_UP_ANSWERS = 1.5;

/** A window is at most this much longer than asked: a server that takes seconds for an answer would use up the whole budget. */
const LONGEST_FACTOR = 8;

export function windowFor(concurrency: number, levels: readonly Level[], windowMs: number): Window {
  const answerMs = expectedAnswerMs(concurrency, levels);
  return {
    concurrency,
    warmUpMs: Math.round(
      Math.min(windowMs * (LONGEST_FACTOR / 4), Math.max(SHORTEST_WARM_UP_MS, WARM_UP_ANSWERS * answerMs)),
    ),
    measureMs: Math.round(
      Math.min(windowMs * LONGEST_FACTOR, Math.max(windowMs, Math.max(ANSWERS_EACH, ANSWERS / concurrency) * answerMs)),
    ),
  };
}

/** From the nearest level below, as if the server were saturated there: never too short. 0 before the first level. */
function expectedAnswerMs(concurrency: number, levels: readonly Level[]): number {
  const below = levels.filter((level) => level.concurrency <= concurrency);
  const from = (level: Level | undefined, ms: number): number =>
    level === undefined ? 0 : ms * (concurrency / level.concurrency);
  const known = below.filter((level) => counted(level).length > 0).at(-1);
  const meanMs = known === undefined ? 0 : (median(counted(known).map(({ latency }) => latency.meanMs)) ?? 0);
  return Math.max(from(known, meanMs), from(below.at(-1), unsteadyMs(below)));
}

/**
 * Of windows that were too short to be steady: a server may answer some clients often and let others wait for long, as one does that
 * keeps a thread for a connection's next request. Their mean is that of the lucky ones. 0: there are none.
 */
function unsteadyMs(levels: readonly Level[]): number {
  const unsteady = levels.at(-1)?.samples.filter(({ leftOut }) => leftOut === "littles-law") ?? [];
  const longest = unsteady.map(({ answers, seconds, latency }) =>
    answers === 0 ? SILENT_FACTOR * seconds * 1000 : latency.p95Ms,
  );
  return UNSTEADY_FACTOR * Math.max(0, ...longest);
}
