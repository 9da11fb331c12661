/**
 * The load board: one row of shared memory per thread of a worker, so that anybody can see what a thread is doing
 * without asking it. A blocked thread can't answer; its row still tells.
 *
 * Invariants
 * - The thread is the only writer of its row, but for three fields. `connections`: whoever gives the thread a connection raises it
 *   (the acceptor, or another thread that passes one on), and the thread lowers it; the acceptor sets it to 0 when the thread is dead.
 *   `ahead`: the acceptor puts a descriptor in, either takes it out (`server/worker/accept/prefetched-connection.ts`). `lastCallMs`: the acceptor. The first two are
 *   touched only through Atomics.
 * - A request is counted as started first, as finished later, and in a histogram last. Whoever reads more than one of them
 *   reads in the opposite order: there are never more finished than started, although the thread goes on meanwhile.
 * - Rows are made by the acceptor and handed to the thread with its boot data; a replaced thread gets a new row. The row of an event
 *   loop that is its worker's main thread may lie in memory that all workers share (`server/worker/accept/worker-board.ts`).
 * - Times are milliseconds of the machine's monotonic clock (`monotonicMs`), which is one clock for all threads of a
 *   machine; `performance.now()` has an origin per thread and must not be written here.
 *
 * Ranges
 * - What only grows (`started`, `finished`, `shed`, `timedOut`, `failed`, `clientGone`, `adopted`, `forwarded`, `droppedMessages`, `closedSlow`, and each bucket of a histogram) wraps at
 *   2^32 and is read unsigned. Differences are taken modulo 2^32 (`wrapping.ts`); totals beyond 2^32 are the reader's
 *   (`server/worker/report/row-totals.ts`).
 * - What goes up and down (`connections`, `queued`, `webSockets`) is as much as there is at once. None falls below 0: who would lower it
 *   further puts it back and throws.
 * - `ahead` is a descriptor plus one: up to 2^31 - 1.
 *
 * The thread dies between two writes: its row is read for the last time, and nobody's count depends on another's. A request that
 * was started stays started; the reader counts what the thread had counted (`server/worker/report/report.ts`).
 */

import { HISTOGRAM_BUCKETS } from "../kit/latency-histogram.ts";
import { brokenMemory } from "../kit/broken-memory.ts";
import { distance } from "../kit/wrapping.ts";

/** Index of each counter in a row. */
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
  /** 1 while the thread accepts connections by itself. */
  accepts: 12,
  /** In memory that workers share: the pid of the worker whose row it is. */
  pid: 13,
  /** Requests and upgrades that another instance runs. They are not among the started ones. */
  forwarded: 14,
  /** Messages that WebSockets (`socketActor`) did not send, because their clients read too slowly. */
  droppedMessages: 15,
  /** And those of them that were closed for it. */
  closedSlow: 16,
} as const;

/** Counters of what goes up and down. */
export type GaugeName = "connections" | "queued" | "webSockets";

/** Even, so that what follows is aligned. */
const COUNTERS = 18;
const TIMES = 3;
const TIME_BYTES = TIMES * 8;
const HISTOGRAMS = 3;

/** A heartbeat that comes late by less than this is not counted: the operating system delays a thread by as much. */
export const LATE_MS = 10;

/** A multiple of 8. */
export const ROW_BYTES: number = TIME_BYTES + COUNTERS * 4 + HISTOGRAMS * HISTOGRAM_BUCKETS * 4;

export class LoadRow<Memory extends ArrayBufferLike = ArrayBufferLike> {
  readonly buffer: Memory;
  readonly counters: Int32Array<Memory>;
  /** Handler time (from execute to the end of the response). */
  readonly handlerCounts: Uint32Array<Memory>;
  /** Time spent waiting in the gate's queue. */
  readonly queueCounts: Uint32Array<Memory>;
  /** How late the heartbeat of its loop came, from `LATE_MS` on. */
  readonly lateCounts: Uint32Array<Memory>;
  readonly #times: Float64Array<Memory>;

  /** `at`: where it begins in the memory. */
  constructor(buffer: Memory, at: number = 0) {
    this.buffer = buffer;
    this.#times = new Float64Array(buffer, at, TIMES);
    this.counters = new Int32Array(buffer, at + TIME_BYTES, COUNTERS);
    const histograms = at + TIME_BYTES + COUNTERS * 4;
    this.handlerCounts = new Uint32Array(buffer, histograms, HISTOGRAM_BUCKETS);
    this.queueCounts = new Uint32Array(buffer, histograms + HISTOGRAM_BUCKETS * 4, HISTOGRAM_BUCKETS);
    this.lateCounts = new Uint32Array(buffer, histograms + HISTOGRAM_BUCKETS * 8, HISTOGRAM_BUCKETS);
  }

  /** In memory that the threads of a process share. */
  static create(): LoadRow<SharedArrayBuffer> {
    return new LoadRow(new SharedArrayBuffer(ROW_BYTES));
  }

  /** When the thread's loop last turned. */
  get beatMs(): number {
    return this.#times[0]!;
  }

  beat(nowMs: number): void {
    this.#times[0] = nowMs;
  }

  /** For how long its loop had nothing to do, in all. Updated with the heartbeat of its loop. */
  get idleMs(): number {
    return this.#times[2]!;
  }

  set idleMs(ms: number) {
    this.#times[2] = ms;
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

  /** One less of what goes up and down. Also by others than the thread, and of a counter that it writes as well. */
  lower(counter: GaugeName): void {
    const index = COUNTER[counter];
    const before = Atomics.sub(this.counters, index, 1);
    if (before > 0) return;
    Atomics.add(this.counters, index, 1);
    throw brokenMemory(`a thread's row counts ${before} for "${counter}", and one less was to be counted`);
  }

  /** The same, of a thread that may have ended or been cleared since it was counted. false: nothing was counted. */
  tryLower(counter: GaugeName): boolean {
    const index = COUNTER[counter];
    for (let count = this.read(index); count > 0; count = this.read(index)) {
      if (Atomics.compareExchange(this.counters, index, count | 0, (count - 1) | 0) === (count | 0)) return true;
    }
    return false;
  }

  get inFlight(): number {
    const finished = this.read(COUNTER.finished);
    return distance(finished, this.read(COUNTER.started));
  }
}
