/**
 * A thread's counts since it began, beyond the 32 bits of its row on the load board. Each look adds how far a count has moved
 * since the last look, modulo 2^32. The reporter looks every few seconds; no count wraps in that time.
 *
 * A look reads in the order that the load board requires: histograms, then ended requests, then started ones.
 */

import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { distance } from "../../../kit/wrapping.ts";
import { HISTOGRAM_BUCKETS } from "../../../kit/latency-histogram.ts";

/** In the order in which they must be read, after the histograms: see load-board.ts. */
const COUNTED = [
  "clientGone",
  "finished",
  "failed",
  "timedOut",
  "shed",
  "started",
  "forwarded",
  "droppedMessages",
  "closedSlow",
] as const;

export interface Totals {
  readonly counters: Record<(typeof COUNTED)[number], number>;
  readonly handler: Float64Array;
  readonly queue: Float64Array;
}

export type CountedRow = Pick<LoadRow, "read" | "handlerCounts" | "queueCounts">;

/** For whoever adds them up. */
export function noCounts(): Record<(typeof COUNTED)[number], number> {
  return Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<(typeof COUNTED)[number], number>;
}

export function emptyTotals(): Totals {
  return {
    counters: noCounts(),
    handler: new Float64Array(HISTOGRAM_BUCKETS),
    queue: new Float64Array(HISTOGRAM_BUCKETS),
  };
}

export function add(into: Totals, { counters, handler, queue }: Totals): void {
  for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
    into.handler[i]! += handler[i]!;
    into.queue[i]! += queue[i]!;
  }
  for (const name of COUNTED) into.counters[name] += counters[name];
}

export class RowTotals {
  readonly #row: CountedRow;
  readonly #totals = emptyTotals();

  constructor(row: CountedRow) {
    this.#row = row;
  }

  /** The same object at each look. */
  look(): Totals {
    const { handler, queue } = this.#totals;
    const { handlerCounts, queueCounts } = this.#row;
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
      handler[i]! += distance(handler[i]!, handlerCounts[i]!);
      queue[i]! += distance(queue[i]!, queueCounts[i]!);
    }
    for (const name of COUNTED) this.#count(name);
    return this.#totals;
  }

  /** Requests parsed. Cheaper than a whole look. */
  get started(): number {
    return this.#count("started");
  }

  #count(name: (typeof COUNTED)[number]): number {
    const { counters } = this.#totals;
    return (counters[name] += distance(counters[name], this.#row.read(COUNTER[name])));
  }
}
