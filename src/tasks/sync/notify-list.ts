/**
 * The waiters of a condition variable, first come, first served. Waiting has two steps, as in Go's `notifyList`: a task takes its place
 * while it holds the lock, unlocks, and then waits. A notification between the two steps is kept with the place. So none is lost, also
 * if list, lock and task are on three threads.
 *
 * When a thread ends, its places are given up: they would swallow notifications that are meant for others.
 */

import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { type Holdable, type Holder, involve, release } from "./holds.ts";
import { parkUnder } from "./park-under.ts";
import { registerCallable } from "./remote-call.ts";
import { connected } from "../task-service.ts";
import { WaitQueue } from "../waiter.ts";

export interface NotifyListCore {
  take(by: Holder, place: string): Maybe<void>;
  /** Gives it up without waiting. */
  leave(by: Holder, place: string): Maybe<void>;
  /** Settles when the place was notified, and gives it up. */
  wait(by: Holder, place: string, context?: Context): Promise<void>;
  notifyOne(by: Holder): Maybe<void>;
  notifyAll(by: Holder): Maybe<void>;
}

let lastPlace = 0;

/** A place that no other task has. */
export function newPlace(): string {
  return `${connected().self}/${++lastPlace}`;
}

interface Place {
  readonly by: Holder;
  /** Whoever has the place waits in it. */
  readonly queue: WaitQueue;
}

class LocalNotifyList implements NotifyListCore, Holdable {
  /** In the order in which they were taken. Notified ones are not in it. */
  readonly #open: Map<string, Place> = new Map();
  /** Notified, and not waiting yet. */
  readonly #notified: Map<string, Place> = new Map();

  take(by: Holder, name: string): void {
    involve(by, this);
    this.#open.set(name, { by, queue: new WaitQueue() });
  }

  leave(_by: Holder, name: string): void {
    const wasNotified = this.#notified.has(name);
    this.#drop(name);
    // What it was notified of belongs to the next.
    if (wasNotified) this.#notifyNext();
  }

  async wait(_by: Holder, name: string, context?: Context): Promise<void> {
    const mine = this.#open.get(name);
    // Given up with its thread, or notified already.
    if (mine === undefined) return this.#drop(name);
    try {
      await parkUnder<void>(mine.queue, "cond", context);
    } catch (error) {
      this.#drop(name);
      throw error;
    }
  }

  notifyOne(): void {
    this.#notifyNext();
  }

  notifyAll(): void {
    for (const [name, place] of this.#open) this.#notify(name, place);
  }

  threadGone(thread: number): void {
    const gone = (places: ReadonlyMap<string, Place>): string[] =>
      [...places].filter(([, { by }]) => by === thread).map(([name]) => name);
    for (const name of gone(this.#open)) this.#drop(name);
    for (const name of gone(this.#notified)) this.leave(thread, name);
  }

  #notifyNext(): void {
    const [first] = this.#open;
    if (first !== undefined) this.#notify(...first);
  }

  #notify(name: string, place: Place): void {
    const waiter = place.queue.shift();
    if (waiter === undefined) {
      this.#open.delete(name);
      this.#notified.set(name, place);
    } else {
      this.#drop(name);
      waiter.wake(undefined);
    }
  }

  #drop(name: string): void {
    const place = this.#open.get(name) ?? this.#notified.get(name);
    if (place === undefined) return;
    this.#open.delete(name);
    this.#notified.delete(name);
    release(place.by, this);
  }
}

export class NotifyList {
  readonly core: NotifyListCore;

  constructor(core: NotifyListCore = new LocalNotifyList()) {
    this.core = core;
  }

  static {
    registerCallable<NotifyList, NotifyListCore>({
      tag: "cond",
      prototype: NotifyList.prototype,
      coreOf: (list) => list.core,
      withCore: (core) => new NotifyList(core),
      methods: ["take", "leave", "wait", "notifyOne", "notifyAll"],
    });
  }
}
