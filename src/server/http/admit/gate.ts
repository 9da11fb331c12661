/**
 * Admission: at most `limit` requests at once, at most `queue` waiting, none waiting longer than the queue timeout.
 * There is one gate for the server and one for each route with a limit of its own; the counts are shared by all threads
 * of the worker (`SharedSemaphore`), the waiting requests stay on the thread that parsed them.
 *
 * Invariants
 * - An exchange enters at once, or waits and is later admitted or timed out (exactly once), or is shed.
 * - Every admitted exchange is released exactly once, also when its thread dies (the acceptor gives its slots back).
 * - A request passes its route's gate first, then the server's. The other way round, requests waiting for a narrow
 *   route would hold slots of the server and starve the rest.
 * - First come, first served on a thread; between threads a freed slot goes to whoever wakes first.
 *
 * Memory: a ledger for each thread and gate, [HELD WAITING], what the thread has of the shared counts
 * - The thread alone writes it, right after the shared count: first that one is changed, then the ledger. When the thread is dead the acceptor
 *   gives back what stands there, and sets it to 0.
 * - V8 ends a thread only where a function begins or a loop goes round. Neither lies between a change of the shared count
 *   and that of the ledger, so a dead thread's ledger is right. Keep it so: nothing is called in between.
 * - Both numbers are at most what the gate admits and lets wait. One that would fall below 0 is an error.
 */

import { SharedSemaphore, type SlotsHandle } from "../../../kit/shared-semaphore.ts";
import type { Exchange } from "../exchange.ts";

/** Words of a ledger: what one thread has of one gate, so that the acceptor can give it back when the thread dies. */
const HELD = 0;
const WAITING = 1;

export interface GateHandle {
  readonly slots: SlotsHandle;
  readonly ledger: SharedArrayBuffer;
}

/** The name of the gate for uploads of a pool of handler threads; no route can have it. */
export function uploadGate(pool: string): string {
  return `uploads to ${pool}`;
}

export function createLedger(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** Gives back what a dead thread held of a gate and waited for. */
export function settleLedger({ slots, ledger }: GateHandle): void {
  const words = new Int32Array(ledger);
  const shared = new SharedSemaphore(slots);
  shared.leaveQueue(Atomics.exchange(words, WAITING, 0));
  shared.give(Atomics.exchange(words, HELD, 0));
}

export type QueueEnd = "admitted" | "timed-out";

interface Waiter {
  readonly exchange: Exchange;
  readonly sinceMs: number;
  readonly done: (end: QueueEnd) => void;
}

export class Gate {
  readonly #slots: SharedSemaphore;
  readonly #queueTimeoutMs: number;
  readonly #waiters = new Set<Waiter>();
  readonly #ledger: Int32Array<SharedArrayBuffer>;
  #lookScheduled = false;
  #listening = false;

  constructor({ slots, ledger }: GateHandle, queueTimeoutMs: number) {
    this.#slots = new SharedSemaphore(slots);
    this.#ledger = new Int32Array(ledger);
    this.#queueTimeoutMs = queueTimeoutMs;
  }

  /** Takes a slot if one is free and nobody on this thread waits for it already. */
  tryEnter(): boolean {
    return this.#waiters.size === 0 && this.#take();
  }

  /** Waits in line; `done` is called once, later. False: the queue is full, the exchange is shed. */
  enqueue(exchange: Exchange, nowMs: number, done: (end: QueueEnd) => void): boolean {
    if (!this.#slots.tryJoinQueue()) return false;
    this.#ledger[WAITING]!++;
    this.#waiters.add({ exchange, sinceMs: nowMs, done });
    // Whoever gave its slot back before we had joined did not see us and woke nobody: look once more.
    this.#lookSoon();
    return true;
  }

  release(): void {
    const othersWait = this.#slots.waiting > this.#waiters.size;
    const next = othersWait ? undefined : this.#oldest();
    if (next !== undefined) {
      // The slot passes straight on to this thread's next in line.
      this.#leave(next).done("admitted");
      return;
    }
    this.#slots.giveQuietly();
    this.#ledger[HELD]!--;
    this.#slots.wakeWaiters();
  }

  /** Its client went away while it waited. */
  forget(exchange: Exchange): boolean {
    for (const waiter of this.#waiters) {
      if (waiter.exchange !== exchange) continue;
      this.#leave(waiter);
      return true;
    }
    return false;
  }

  /** Refuses what waited too long. Call it often: it looks no further than the first that may wait on. */
  sweep(nowMs: number): void {
    if (this.#queueTimeoutMs === 0) return;
    for (const waiter of this.#waiters) {
      if (nowMs - waiter.sinceMs < this.#queueTimeoutMs) return;
      this.#leave(waiter).done("timed-out");
    }
  }

  #take(): boolean {
    if (!this.#slots.tryTake()) return false;
    this.#ledger[HELD]!++;
    return true;
  }

  #oldest(): Waiter | undefined {
    return this.#waiters.values().next().value;
  }

  #leave(waiter: Waiter): Waiter {
    this.#waiters.delete(waiter);
    this.#slots.leaveQueue();
    this.#ledger[WAITING]!--;
    return waiter;
  }

  #lookSoon(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    queueMicrotask(this.#look);
  }

  /** Takes what is free, and goes on listening to other threads for as long as somebody waits here. */
  readonly #look = (): void => {
    this.#lookScheduled = false;
    const seen = this.#slots.given.count;
    for (let next = this.#oldest(); next !== undefined && this.#take(); next = this.#oldest()) {
      this.#leave(next).done("admitted");
    }
    if (this.#listening || this.#waiters.size === 0) return;
    const changed = this.#slots.given.changed(seen);
    if (changed === undefined) {
      this.#lookSoon();
      return;
    }
    this.#listening = true;
    void changed.then(this.#wakeUp);
  };

  readonly #wakeUp = (): void => {
    this.#listening = false;
    this.#look();
  };
}
