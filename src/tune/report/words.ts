/** The sentences that the terminal and the page both say. Pure. */

import { count } from "../../errors/count.ts";
import type { KneeEstimate, LeftOut, Level, LimitedBy, Shape, SloCeiling } from "../types.ts";
import { inFlight, requests } from "./numbers.ts";

/** Why a sample does not count, as it stands in a table. */
export const LEFT_OUT: Readonly<Record<LeftOut, string>> = {
  generator: "the load generator was saturated or late",
  steal: "the hypervisor took CPU time away",
  rate: "fewer requests were sent than asked",
  "littles-law": "no steady state (Little's law does not hold)",
  errors: "more than 1 % errors, or no answer",
};

export const LIMITED_BY: Readonly<Record<LimitedBy, string>> = {
  server: "the server: its code, a pool, a lock, or what it waits for",
  generator: "the load generator, so the server can do more than was measured",
  cpu: "the CPU: all cores that the server may use are busy",
  errors: "errors",
  nothing: "nothing, throughput still rose at the end",
};

/** `12 (95 % interval 10 to 15)`, `not reached up to 256`, `inconclusive`. */
export function kneeInShort(knee: KneeEstimate): string {
  if ("value" in knee) {
    return `${inFlight(knee.value)} in flight (95 % interval ${inFlight(knee.low)} to ${inFlight(knee.high)})`;
  }
  return "notReached" in knee ? `not reached up to ${inFlight(knee.seenUpTo)} in flight` : "inconclusive";
}

/** One or two sentences on what the estimate means. */
export function kneeSentence(knee: KneeEstimate, limitedBy?: LimitedBy): string {
  if ("value" in knee) {
    return `Up to ${requests(knee.value)} in flight, more load brings more throughput. Beyond it, more load brings only latency.`;
  }
  if ("notReached" in knee && limitedBy === "errors") {
    return `Throughput still rose at ${requests(knee.seenUpTo)} in flight. With more, the server answered with errors before throughput was level.`;
  }
  if ("notReached" in knee) {
    return `Throughput still rose at ${requests(knee.seenUpTo)} in flight, the highest concurrency that was measured. The knee is above it.`;
  }
  return sentence(knee.inconclusive);
}

const BEYOND: Readonly<Record<SloCeiling["boundary"], string>> = {
  cliff: "Beyond it is a cliff: the server answers with errors, or throughput falls by half.",
  slope: "Beyond it p95 rises above it.",
  unseen: "No more were tried.",
};

export function sloSentence({ concurrency, boundary }: SloCeiling, target: string): string {
  return concurrency === 0
    ? `The target (p95 of at most ${target}) does not hold at any concurrency that was measured.`
    : `The target (p95 of at most ${target}) holds up to ${requests(concurrency)} in flight. ${BEYOND[boundary]}`;
}

/** `loop, 1 worker × 2 threads`. */
export function shapeName({ model, workers, threads, routes = {} }: Shape): string {
  if (workers === 0) return "a server that runs elsewhere";
  const own = Object.entries(routes).map(
    ([key, route]) => `, ${key} on ${count(workers * route.threads, "thread")} of its own`,
  );
  return `${model}, ${count(workers, "worker")} × ${count(threads, "thread")}${own.join("")}`;
}

export function shapeFlags({ model, workers, threads }: Shape): string {
  return `--model ${model} --workers ${workers} --threads ${threads}`;
}

/** How many samples were left out, by reason: the most frequent first. */
export function leftOutCounts(levels: readonly Level[]): [reason: LeftOut, samples: number][] {
  const counts = new Map<LeftOut, number>();
  for (const { leftOut } of levels.flatMap(({ samples }) => samples)) {
    if (leftOut !== undefined) counts.set(leftOut, (counts.get(leftOut) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

/** With a capital and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  return `${trimmed[0]!.toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`;
}
