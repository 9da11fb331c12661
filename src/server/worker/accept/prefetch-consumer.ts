/**
 * A serving thread's side of `prefetched-connection.ts`. When its connection has ended, the thread takes the next one out of
 * its row itself. No other thread is involved, so the turnaround is that of one event loop.
 *
 * Invariants
 * - It takes one only when it has none, and no handler runs any more.
 * - A taken connection is counted before it leaves the row. So other threads never see this one idle while it holds one.
 * - After a connection is subtracted, the row is read again: see `prefetched-connection.ts`, also for the meaning of the row's
 *   words.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";

export interface PrefetchConsumerOptions {
  readonly row: Pick<LoadRow, "counters" | "lower">;
  /** Whether this thread has no connection. */
  readonly isFree: () => boolean;
  /** Calls back when no handler runs any more. A handler may outlive its connection. */
  readonly whenIdle: (next: () => void) => void;
  /** Adopts a connection that the row has counted. */
  readonly begin: (fd: number) => void;
  /** Tells the acceptor that a connection was begun, or that none is left. */
  readonly tell: () => void;
}

export class PrefetchConsumer {
  readonly #options: PrefetchConsumerOptions;
  /** A connection's end runs in the async context of its request. The next connection must not inherit it. */
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  #isStopped = false;
  /** The connection has ended, but its handler has not. */
  #isWaiting = false;

  constructor(options: PrefetchConsumerOptions) {
    this.#options = options;
  }

  /** The thread's only connection is answered or closed. The row still counts it. */
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

  /** Checks whether the row holds a connection. */
  look(): void {
    if (this.#isStopped || this.#isWaiting || !this.#options.isFree()) return;
    Atomics.add(this.#options.row.counters, COUNTER.connections, 1);
    this.#next();
  }

  /** The thread drains: it no longer takes the connection in its row. */
  stop(): void {
    this.#isStopped = true;
  }

  /** The next connection inherits the count of the last one. undefined: there is none, and nothing is counted. */
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
