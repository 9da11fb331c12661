/** A worker's report about itself, read from the threads' load rows: no thread is asked, so a blocked one can't hide. */

import { monotonicMs } from "../../../kit/clock.ts";
import { COUNTER } from "../../../supervise/load-board.ts";
import { bucketTop, toSparse } from "../../../kit/latency-histogram.ts";
import { residentBytes } from "../../../platform/descriptors.ts";
import type { Counters, ThreadReport, WorkerReport, WorkerTotals } from "../worker-protocol.ts";
import { add, emptyTotals, RowTotals, type Totals } from "./row-totals.ts";
import type { LoopTimes, ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { ThreadPool } from "../serving/serving-pool.ts";
import type { BlockedThreads } from "../blocked-threads.ts";
import { reportDescriptors } from "../descriptor-watch.ts";
import { watchedThreads } from "./thread-views.ts";
import { countUnits } from "./unit-views.ts";

/** Percentiles "of the last window" cover between one and two of these. */
const WINDOW_MS = 10_000;

/** The part of the acceptor that it uses. */
interface Accepts {
  readonly waiting: number;
  readonly isFull: boolean;
  readonly room: number;
}

export class Reporter {
  readonly #pool: ThreadPool;
  readonly #blocked: BlockedThreads;
  readonly #acceptor: Accepts;
  readonly #identity: { readonly slot: number; readonly generation: number };
  readonly #startedMs = monotonicMs();
  /** Totals of the threads that are gone. */
  readonly #gone = emptyTotals();
  readonly #rows = new WeakMap<ServingThreadHandle, RowTotals>();
  readonly #loops = new WeakMap<ServingThreadHandle, LoopTimes>();
  #windowStart = emptyTotals();
  #nextWindowStart = emptyTotals();
  #windowStartMs = monotonicMs();
  #nextWindowStartMs = monotonicMs();
  #toldEvents = 0;

  constructor(
    pool: ThreadPool,
    blocked: BlockedThreads,
    acceptor: Accepts,
    identity: { readonly slot: number; readonly generation: number },
  ) {
    this.#pool = pool;
    this.#acceptor = acceptor;
    this.#blocked = blocked;
    this.#identity = identity;
    pool.on("gone", (thread) => add(this.#gone, this.#rowOf(thread).look()));
    setInterval(() => this.#turnWindow(), WINDOW_MS).unref();
  }

  /** Requests parsed since the worker started. */
  get requests(): number {
    let requests = this.#gone.counters.started;
    for (const thread of this.#pool.threads) requests += this.#rowOf(thread).started;
    return requests;
  }

  #rowOf(thread: ServingThreadHandle): RowTotals {
    const known = this.#rows.get(thread);
    if (known !== undefined) return known;
    const totals = new RowTotals(thread.row);
    this.#rows.set(thread, totals);
    return totals;
  }

  report(): WorkerReport {
    const totals = this.#totals();
    const nowMs = monotonicMs();
    return {
      pid: process.pid,
      ...this.#identity,
      uptimeMs: Math.round(nowMs - this.#startedMs),
      rssBytes: residentBytes(),
      threadRestarts: this.#pool.restarts,
      waiting: this.#acceptor.waiting,
      descriptors: reportDescriptors(this.#acceptor.isFull || this.#acceptor.room <= 0),
      threads: this.#pool.threads.map((thread) => this.#threadReport(thread)),
      pools: this.#pool.handlerPools.map((pool) => pool.report()),
      limits: this.#pool.limits,
      units: countUnits(
        watchedThreads(this.#pool.threads, this.#pool.handlerPools, this.#blocked, this.#pool.runtimeUnits),
        this.#pool.runtimeUnits.counts(),
      ),
      runaways: this.#runaways,
      counters: totals.counters satisfies Counters,
      handler: toSparse(totals.handler),
      queue: toSparse(totals.queue),
      handlerWindow: toSparse(totals.handler.map((count, i) => count - this.#windowStart.handler[i]!)),
      queueWindow: toSparse(totals.queue.map((count, i) => count - this.#windowStart.queue[i]!)),
      windowMs: Math.round(nowMs - this.#windowStartMs),
    };
  }

  get #runaways(): number {
    return this.#pool.runtime.root?.runaways?.ended ?? 0;
  }

  /** The same, as far as it only grows. undefined: nothing of it has since the last call. */
  newTotals(): WorkerTotals | undefined {
    const { counters, handler, queue } = this.#totals();
    const runaways = this.#runaways;
    const events = Object.values(counters).reduce((sum, count) => sum + count, runaways);
    if (events === this.#toldEvents) return undefined;
    this.#toldEvents = events;
    const { restarts: threadRestarts } = this.#pool;
    return { counters, handler: toSparse(handler), queue: toSparse(queue), threadRestarts, runaways };
  }

  #threadReport(thread: ServingThreadHandle): ThreadReport {
    const { row } = thread;
    const since = this.#loops.get(thread) ?? { atMs: thread.bootedMs, idleMs: 0 };
    const isGone = thread.state === "gone";
    const utilisation = isGone ? 0 : thread.utilisation(since);
    const busyMs = isGone ? 0 : Math.max(0, monotonicMs() - thread.bootedMs - row.idleMs);
    return {
      index: thread.index,
      isMain: thread.isMain,
      state: thread.state,
      blocked: this.#blocked.blockedMs(thread) > 0,
      connections: row.read(COUNTER.connections),
      inFlight: row.inFlight,
      queued: row.read(COUNTER.queued),
      webSockets: row.read(COUNTER.webSockets),
      utilisation: Math.round(utilisation * 1000) / 1000,
      busyMs: Math.round(busyMs),
      late: toSparse(row.lateCounts).map(([bucket, times]) => [bucketTop(bucket) / 1000, times] as const),
    };
  }

  #totals(): Totals {
    const totals = emptyTotals();
    add(totals, this.#gone);
    for (const thread of this.#pool.threads) add(totals, this.#rowOf(thread).look());
    return totals;
  }

  #turnWindow(): void {
    this.#windowStart = this.#nextWindowStart;
    this.#windowStartMs = this.#nextWindowStartMs;
    this.#nextWindowStart = this.#totals();
    this.#nextWindowStartMs = monotonicMs();
    for (const thread of this.#pool.threads) {
      if (thread.state !== "gone") this.#loops.set(thread, thread.loopTimes());
    }
  }
}
