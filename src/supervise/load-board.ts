/**
 * The load board: one row of shared memory per thread of a worker, so that anybody can see what a thread is doing
 * without asking it. A blocked thread can't answer; its row still tells.
 *
 * Invariants
 * - A row has one writer for each field. Two have two and are only touched through Atomics: `connections` (the acceptor
 *   adds, the thread subtracts) and `ahead` (the acceptor puts, either takes).
 * - A request is counted as started first, as finished later, and in a histogram last. Whoever reads more than one of them
 *   reads in the opposite order: there are never more finished than started, although the thread goes on meanwhile.
 * - Rows are made by the acceptor and handed to the thread in its workerData; a replaced thread gets a new row.
 * - Times are milliseconds of the machine's monotonic clock (`monotonicMs`), which is one clock for all threads of a
 *   machine; `performance.now()` has an origin per thread and must not be written here.
 */

import { HISTOGRAM_BUCKETS } from "../kit/latency-histogram.ts";

/** Index of each counter in a row. All are unsigned and wrap at 2^32. */
export const COUNTER = {
  connections: 0,
  /** Requests parsed. Also the sign of progress: a blocked thread's does not move. */
  started: 1,
  finished: 2,
  queued: 3,
  /** Requests refused by the gate with 503. */
  shed: 4,
  /** Requests answered 504. */
  timedOut: 5,
  /** Handlers that threw or rejected. */
  failed: 6,
  /** Requests whose client went away before the response was complete. */
  clientGone: 7,
  webSockets: 8,
  /** Descriptors of connections the thread has taken over. */
  adopted: 9,
  /** Under `sync`: the descriptor, plus one, of the connection the thread is to take when it has none; 0: there is none. */
  ahead: 10,
  /** Descriptors of listening sockets the thread has taken over, in the order in which it was given them. */
  listeners: 11,
} as const;

const COUNTERS = 16;
const TIMES = 2;
const TIME_BYTES = TIMES * 8;
const HISTOGRAMS = 2;

export class LoadRow {
  readonly buffer: SharedArrayBuffer;
  readonly counters: Int32Array<SharedArrayBuffer>;
  /** Handler time (from execute to the end of the response). */
  readonly handlerCounts: Uint32Array<SharedArrayBuffer>;
  /** Time spent waiting in the gate's queue. */
  readonly queueCounts: Uint32Array<SharedArrayBuffer>;
  readonly #times: Float64Array<SharedArrayBuffer>;

  constructor(
    buffer: SharedArrayBuffer = new SharedArrayBuffer(TIME_BYTES + COUNTERS * 4 + HISTOGRAMS * HISTOGRAM_BUCKETS * 4),
  ) {
    this.buffer = buffer;
    this.#times = new Float64Array(buffer, 0, TIMES);
    this.counters = new Int32Array(buffer, TIME_BYTES, COUNTERS);
    const histograms = TIME_BYTES + COUNTERS * 4;
    this.handlerCounts = new Uint32Array(buffer, histograms, HISTOGRAM_BUCKETS);
    this.queueCounts = new Uint32Array(buffer, histograms + HISTOGRAM_BUCKETS * 4, HISTOGRAM_BUCKETS);
  }

  /** When the thread's loop last turned. */
  get beatMs(): number {
    return this.#times[0]!;
  }

  beat(nowMs: number): void {
    this.#times[0] = nowMs;
  }

  /** When the thread tells what it runs to end, because it drains; Infinity: it does not. The acceptor writes it. */
  get lastCallMs(): number {
    return this.#times[1]! || Infinity;
  }

  set lastCallMs(ms: number) {
    this.#times[1] = ms;
  }

  read(counter: number): number {
    return Atomics.load(this.counters, counter) >>> 0;
  }

  get inFlight(): number {
    const finished = this.read(COUNTER.finished);
    return (this.read(COUNTER.started) - finished) >>> 0;
  }
}
