/**
 * Admission: at most `limit` requests at once, at most `queue` waiting, none longer than the queue timeout.
 * There is one gate for the server, and one for each route with its own limit. All threads of the worker share the counts
 * (`SharedSemaphore`). A waiting request stays on the thread that parsed it.
 *
 * Invariants
 * - An exchange enters at once, or waits and is later admitted or timed out (exactly once), or is shed.
 * - Every admitted exchange is released exactly once. If its thread dies, the acceptor releases its slots.
 * - A request passes its route's gate first, then the server's. In the other order, requests that wait for a narrow route
 *   would hold slots of the server and starve the rest.
 * - First come, first served on a thread. Between threads, a freed slot goes to the one that wakes first.
 *
 * Memory: one ledger for each thread and gate, [HELD WAITING]: the thread's part of the shared counts
 * - Only the thread writes it: first it changes the shared count, then at once the ledger. When the thread is dead, the
 *   acceptor gives back what the ledger holds, and sets it to 0.
 * - V8 ends a thread only at a function's begin or a loop's next round. Neither lies between the change of the shared count
 *   and that of the ledger, so a dead thread's ledger is right. Keep it so: call nothing in between.
 * - Neither number exceeds the gate's limit or queue. Falling below 0 is an error.
 */

import { SharedSemaphore, type SlotsHandle } from "../../../kit/shared-semaphore.ts";
import type { Exchange } from "../exchange.ts";

/** Words of a ledger: one thread's part of one gate, so that the acceptor can give it back when the thread dies. */
const HELD = 0;
const WAITING = 1;

export interface GateHandle {
  readonly slots: SlotsHandle;
  readonly ledger: SharedArrayBuffer;
}

/** The name of the gate for uploads to a pool of handler threads. No route can have this name. */
export function uploadGate(pool: string): string {
  return `uploads to ${pool}`;
}

export function createLedger(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** Gives back the slots and queue places of a dead thread. */
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

  /** Takes a slot if one is free and no exchange of this thread waits already. */
  tryEnter(): boolean {
    return this.#waiters.size === 0 && this.#take();
  }

  /** Joins the queue. `done` is called once, later. False: the queue is full, so the caller sheds the exchange. */
  enqueue(exchange: Exchange, nowMs: number, done: (end: QueueEnd) => void): boolean {
    if (!this.#slots.tryJoinQueue()) return false;
    this.#ledger[WAITING]!++;
    this.#waiters.add({ exchange, sinceMs: nowMs, done });
    // No lost wake-up: a slot may have been given back just before we joined, so look once more.
    this.#lookSoon();
    return true;
  }

  release(): void {
    const othersWait = this.#slots.waiting > this.#waiters.size;
    const next = othersWait ? undefined : this.#oldest();
    if (next !== undefined) {
      // The slot goes directly to this thread's oldest waiter.
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

  /** Refuses exchanges that waited too long. Cheap: stops at the first that may still wait. */
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

  /** Takes free slots, and keeps listening to other threads while an exchange waits here. */
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
