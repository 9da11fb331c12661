/**
 * Admission: at most `limit` requests at once, at most `queue` waiting, none longer than the queue timeout.
 * There is one gate for the server, and one for each route with its own limit. All threads of the worker share the counts
 * (`SharedSemaphore`). A waiting request stays on the thread that parsed it.
 *
 * Invariants
 * - An exchange enters at once, or waits and is later admitted, timed out or displaced (exactly once), or is shed.
 * - Every admitted exchange is released exactly once. If its thread dies, the acceptor releases its slots.
 * - A request passes its route's gate first, then the server's. In the other order, requests that wait for a narrow route
 *   would hold slots of the server and starve the rest.
 * - First come, first served on a thread, but exchanges of routes with priority before all others. Between threads, a freed slot
 *   goes to the one that wakes first.
 * - A limit that falls takes no slot from anybody. A slot that comes free then goes to nobody, until fewer are taken than the limit.
 *
 * Memory: one ledger for each thread and gate, [HELD WAITING]: the thread's part of the shared counts
 * - Only the thread writes it: first it changes the shared count, then at once the ledger. When the thread is dead, the
 *   acceptor gives back what the ledger holds, and sets it to 0.
 * - V8 ends a thread only at a function's begin or a loop's next round. Neither lies between the change of the shared count
 *   and that of the ledger, so a dead thread's ledger is right. Keep it so: call nothing in between.
 * - Neither number exceeds the gate's limit or queue. Falling below 0 is an error.
 */

import { LinkedList, type Linked } from "../../../kit/linked-list.ts";
import { SharedSemaphore, type SlotsHandle } from "../../../kit/shared-semaphore.ts";
import type { WaitEnd } from "../../models/model.ts";
import type { Exchange } from "../exchange.ts";
import type { AdaptiveMemory } from "./adaptive/memory.ts";

/** Words of a ledger: one thread's part of one gate, so that the acceptor can give it back when the thread dies. */
const HELD = 0;
const WAITING = 1;

export interface GateHandle {
  readonly slots: SlotsHandle;
  readonly ledger: SharedArrayBuffer;
  /** Set if the limit is adaptive. */
  readonly adaptive?: AdaptiveMemory;
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

export interface Waiter extends Linked<Waiter> {
  readonly exchange: Exchange;
  readonly sinceMs: number;
  readonly isUrgent: boolean;
  readonly done: (end: WaitEnd) => void;
}

export class Gate {
  protected readonly slots: SharedSemaphore;
  /** Oldest first. */
  protected readonly waiters: LinkedList<Waiter> = new LinkedList();
  /** Those of routes with priority. */
  protected readonly urgent: LinkedList<Waiter> = new LinkedList();
  readonly #queueTimeoutMs: number;
  readonly #ledger: Int32Array<SharedArrayBuffer>;
  #lookScheduled = false;
  #listening = false;

  constructor({ slots, ledger }: GateHandle, queueTimeoutMs: number) {
    this.slots = new SharedSemaphore(slots);
    this.#ledger = new Int32Array(ledger);
    this.#queueTimeoutMs = queueTimeoutMs;
  }

  /** Takes a slot if one is free and no exchange of this thread waits already that is to pass before. */
  tryEnter(isUrgent: boolean = false): boolean {
    return this.urgent.size === 0 && (isUrgent || this.waiters.size === 0) && this.take();
  }

  /**
   * Joins the queue, in which it counts as waiting since `sinceMs`. `done` is called once, later. False: the queue is full, so the caller sheds the exchange. One of a route with
   * priority displaces the oldest other one then.
   */
  enqueue(exchange: Exchange, sinceMs: number, done: (end: WaitEnd) => void, isUrgent: boolean = false): boolean {
    if (!this.slots.tryJoinQueue() && !(this.makesRoom(isUrgent) && this.slots.tryJoinQueue())) return false;
    this.#ledger[WAITING]!++;
    const waiter = { exchange, sinceMs, isUrgent, done, previous: undefined, next: undefined };
    (isUrgent ? this.urgent : this.waiters).add(waiter);
    // No lost wake-up: a slot may have been given back just before we joined, so look once more.
    this.lookSoon();
    return true;
  }

  release(): void {
    const { slots } = this;
    if (this.handsOver && this.#waiting > 0 && slots.waiting === this.#waiting && slots.taken <= slots.limit) {
      // Only this thread's wait: the slot goes directly to the next one.
      this.leave(this.nextWaiter()!).done("admitted");
      return;
    }
    slots.giveQuietly();
    this.#ledger[HELD]!--;
    slots.wakeWaiters();
  }

  /** Its client went away while it waited. */
  forget(exchange: Exchange): boolean {
    for (const list of [this.urgent, this.waiters]) {
      for (const waiter of list) {
        if (waiter.exchange !== exchange) continue;
        this.leave(waiter);
        return true;
      }
    }
    return false;
  }

  /** Refuses exchanges that waited too long. Cheap: stops at the first that may still wait. */
  sweep(nowMs: number): void {
    if (this.#queueTimeoutMs === 0) return;
    for (const list of [this.urgent, this.waiters]) {
      for (let first = list.first; first !== undefined; first = list.first) {
        if (nowMs - first.sinceMs < this.#queueTimeoutMs) break;
        this.leave(first).done("timed-out");
      }
    }
  }

  /** Whether a slot that comes free goes to the next waiter at once. Otherwise somebody must look soon. */
  protected get handsOver(): boolean {
    return true;
  }

  protected nextWaiter(): Waiter | undefined {
    return this.urgent.first ?? this.waiters.first;
  }

  /** Whether a place in the full queue has come free for an exchange. */
  protected makesRoom(isUrgent: boolean): boolean {
    const oldest = this.waiters.first;
    if (!isUrgent || oldest === undefined) return false;
    this.leave(oldest).done("displaced");
    return true;
  }

  protected leave(waiter: Waiter): Waiter {
    (waiter.isUrgent ? this.urgent : this.waiters).remove(waiter);
    this.slots.leaveQueue();
    this.#ledger[WAITING]!--;
    return waiter;
  }

  get #waiting(): number {
    return this.waiters.size + this.urgent.size;
  }

  protected take(): boolean {
    if (!this.slots.tryTake()) return false;
    this.#ledger[HELD]!++;
    return true;
  }

  protected lookSoon(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    this.later(this.#look);
  }

  protected later(look: () => void): void {
    queueMicrotask(look);
  }

  /** Lets waiters in while slots are free. False: it has stopped before, and looks again. */
  protected letIn(): boolean {
    for (let next = this.nextWaiter(); next !== undefined && this.take(); next = this.nextWaiter()) {
      this.leave(next).done("admitted");
    }
    return true;
  }

  /** Takes free slots, and keeps listening to other threads while an exchange waits here. */
  readonly #look = (): void => {
    this.#lookScheduled = false;
    const seen = this.slots.given.count;
    const isDone = this.letIn();
    if (isDone && (this.#listening || this.#waiting === 0)) return;
    const changed = isDone ? this.slots.given.changed(seen) : undefined;
    if (changed === undefined) {
      this.lookSoon();
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
