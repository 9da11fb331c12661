/**
 * A serving thread's side of `prefetched-connection.ts`: when its connection has ended it takes the next one out of its row
 * itself. Nobody else has to do anything in between, so the turnaround is that of one event loop.
 *
 * Invariants
 * - It takes one only when it has none, and no handler runs any more.
 * - What it takes is counted before it leaves the row: to others the thread is never idle with a connection in its hands.
 * - After a connection is subtracted the row is looked at again: see `prefetched-connection.ts`, also for what stands in the
 *   row's words.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";

export interface PrefetchConsumerOptions {
  readonly row: Pick<LoadRow, "counters" | "lower">;
  /** Whether this thread has no connection. */
  readonly isFree: () => boolean;
  /** Calls back when no handler runs any more: one may go on when its connection has ended. */
  readonly whenIdle: (next: () => void) => void;
  /** Adopts a connection that the row has counted. */
  readonly begin: (fd: number) => void;
  /** Tells the acceptor that one was begun, or that none is left. */
  readonly tell: () => void;
}

export class PrefetchConsumer {
  readonly #options: PrefetchConsumerOptions;
  /** A connection's end runs in the async context of its request, which the next one must not inherit. */
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  #isStopped = false;
  /** The connection has ended, and its handler has not. */
  #isWaiting = false;

  constructor(options: PrefetchConsumerOptions) {
    this.#options = options;
  }

  /** The thread's only connection has had its answer, or has closed, and is still counted in the row. */
  ended(): void {
    this.#isWaiting = true;
    this.#options.whenIdle(this.#next);
  }

  readonly #next = (): void => {
    const { begin, tell } = this.#options;
    this.#isWaiting = false;
    const fd = this.#take();
    if (fd !== undefined) this.#inOwnContext(begin, fd);
    tell();
  };

  /** There may be one in the row. */
  look(): void {
    if (this.#isStopped || this.#isWaiting || !this.#options.isFree()) return;
    Atomics.add(this.#options.row.counters, COUNTER.connections, 1);
    this.#next();
  }

  /** The thread drains: what lies in the row is not for it any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The next one takes over the count of the last one. undefined: there is none, and nothing is counted. */
  #take(): number | undefined {
    const { row } = this.#options;
    const { counters } = row;
    for (;;) {
      const offered = this.#isStopped ? 0 : Atomics.exchange(counters, COUNTER.ahead, 0);
      if (offered !== 0) return offered - 1;
      row.lower("connections");
      if (this.#isStopped || Atomics.load(counters, COUNTER.ahead) === 0) return undefined;
      Atomics.add(counters, COUNTER.connections, 1);
    }
  }
}
