/**
 * A channel on its own thread. All operations on it happen here. Those of other threads have waiters in the same queues
 * (channel-home.ts).
 *
 * Invariants
 * - The queue of receivers or that of senders is empty, except that a select may wait in both.
 * - Receivers wait only while the buffer is empty, senders only while it is full.
 * - A value goes directly to a waiting receiver. A waiting sender's value moves into the buffer as soon as there is room.
 * - Both queues are first come, first served. A waiter of a select is skipped if another case of the select has happened.
 */

import type { Transferable } from "node:worker_threads";
import { CLOSED, type ChannelCore, closeOfClosed, type Received, sendOnClosed } from "./channel-core.ts";
import { Fifo } from "../../kit/fifo.ts";
import { FarReceiver } from "./far-receiver.ts";
import { rememberMoves } from "./moves.ts";
import { type Selection, winBoth } from "../select/selection.ts";
import { connected } from "../task-service.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { done, failed, nextTurn, park, WaitQueue, type Waiting } from "../waiter.ts";

/** The result of an attempt that must not wait. */
export type Attempt = "done" | "would wait" | "lost";

export class LocalChannel<T> implements ChannelCore<T> {
  readonly capacity: number;
  readonly senders: WaitQueue = new WaitQueue();
  readonly receivers: WaitQueue = new WaitQueue();
  isClosed: boolean = false;
  /** Called at each change of length and at closing. Set when other threads know the channel. */
  watch: ((length: number, isClosed: boolean) => void) | undefined = undefined;
  readonly #buffer: Fifo<T> = new Fifo<T>();
  /** The value that the last successful `attemptReceive` got. */
  taken: Received<T> = CLOSED;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#buffer.length;
  }

  send(value: T, transfer?: readonly Transferable[]): Promise<void> {
    if (transfer !== undefined) rememberMoves(value, transfer);
    if (this.isClosed) return failed(sendOnClosed());
    const receiver = this.receivers.first;
    if (receiver !== undefined) {
      if (receiver.isPlain) {
        this.receivers.takeFirst(receiver);
        const result: Received<T> = { value, ok: true };
        if (this.capacity === 0) receiver.wake(result);
        else receiver.wakeLater(result);
        return done();
      }
      try {
        if (this.#hand(value, undefined) === "done") return done();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    if (this.#buffer.length < this.capacity) {
      this.#buffer.push(value);
      this.watch?.(this.#buffer.length, false);
      return done();
    }
    return this.#waiting(park<void>(this.senders, "send", value));
  }

  receive(): Promise<Received<T>> {
    const result = this.receiveNow();
    if (result !== undefined) return isTimeUp() ? nextTurn(result) : Promise.resolve(result);
    return this.#waiting(park<Received<T>>(this.receivers, "receive"));
  }

  receiveNow(): Received<T> | undefined {
    if (this.#buffer.length > 0) return { value: this.#shift(), ok: true };
    const sender = this.senders.first;
    if (sender !== undefined) {
      if (sender.isPlain) {
        this.senders.takeFirst(sender);
        const result: Received<T> = { value: sender.value as T, ok: true };
        sender.wake(undefined);
        return result;
      }
      if (this.#fetch(undefined) === "done") return this.taken;
    }
    return this.isClosed ? CLOSED : undefined;
  }

  /** If other threads know the channel, its waiter may be waiting for one of them. */
  #waiting<R>(promise: Promise<R>): Promise<R> {
    if (this.watch === undefined) return promise;
    connected().retain();
    return promise.finally(() => connected().release());
  }

  trySend(value: T, transfer?: readonly Transferable[]): boolean {
    if (transfer !== undefined) rememberMoves(value, transfer);
    return this.attemptSend(value, undefined) === "done";
  }

  tryReceive(): Received<T> | undefined {
    return this.attemptReceive(undefined) === "done" ? this.taken : undefined;
  }

  close(): void {
    if (this.isClosed) throw closeOfClosed();
    this.isClosed = true;
    this.watch?.(this.#buffer.length, true);
    for (let waiter = this.#next(this.receivers); waiter !== undefined; waiter = this.#next(this.receivers)) {
      waiter.wake(CLOSED);
    }
    for (let waiter = this.#next(this.senders); waiter !== undefined; waiter = this.#next(this.senders)) {
      waiter.fail(sendOnClosed());
    }
  }

  /**
   * Sends if that needs no waiting. `selection`: of the select that this is a case of. It is won if the send happens. "lost":
   * another case has happened meanwhile.
   *
   * @throws HeddleError CHANNEL_CLOSED; NOT_CLONEABLE if the receiver is on another thread
   */
  attemptSend(value: T, selection: Selection | undefined): Attempt {
    if (this.isClosed) {
      if (selection?.win() === false) return "lost";
      throw sendOnClosed();
    }
    if (this.receivers.first !== undefined) {
      const handed = this.#hand(value, selection);
      if (handed !== "would wait") return handed;
    }
    if (this.#buffer.length >= this.capacity) return "would wait";
    if (selection?.win() === false) return "lost";
    this.#buffer.push(value);
    this.watch?.(this.#buffer.length, false);
    return "done";
  }

  /**
   * Receives into `taken` if that needs no waiting. `taker`: the receiver, if it is of another thread.
   *
   * @throws HeddleError NOT_CLONEABLE if the taker can't take the next value; the value stays
   */
  attemptReceive(selection: Selection | undefined, taker?: FarReceiver): Attempt {
    if (this.#buffer.length > 0) {
      taker?.prepare(this.#buffer.first);
      if (selection?.win() === false) return "lost";
      this.taken = { value: this.#shift(), ok: true };
      return "done";
    }
    if (this.senders.first !== undefined) {
      const fetched = this.#fetch(selection, taker);
      if (fetched !== "would wait") return fetched;
    }
    if (!this.isClosed) return "would wait";
    if (selection?.win() === false) return "lost";
    this.taken = CLOSED;
    return "done";
  }

  /** Passes the value to the first receiver that is really waiting. */
  #hand(value: T, selection: Selection | undefined): Attempt {
    const receiver = this.#partner(this.receivers, selection, value);
    if (typeof receiver === "string") return receiver;
    receiver.wake({ value, ok: true });
    return "done";
  }

  /** Takes a value from the first sender that is really waiting. Only while the buffer is empty. */
  #fetch(selection: Selection | undefined, taker?: FarReceiver): Attempt {
    const sender = this.#partner(this.senders, selection, undefined, taker);
    if (typeof sender === "string") return sender;
    this.taken = { value: sender.value as T, ok: true };
    sender.wake(undefined);
    return "done";
  }

  /** Removes the first waiter of the other side whose select is still open, and wins both selections. */
  #partner(queue: WaitQueue, mine: Selection | undefined, value: unknown, taker?: FarReceiver): Waiting | Attempt {
    for (let waiter = queue.first; waiter !== undefined; ) {
      const following: Waiting | undefined = waiter.next;
      // Only a channel that other threads know has far receivers.
      if (this.watch !== undefined) {
        if (taker !== undefined && !this.#prepare(taker, waiter)) {
          waiter = following;
          continue;
        }
        if (waiter instanceof FarReceiver) waiter.prepare(value);
      }
      if (waiter.selection === undefined) {
        if (mine?.win() === false) return "lost";
        queue.remove(waiter);
        return waiter;
      }
      // A select must not meet itself.
      if (waiter.selection !== mine) {
        const won = winBoth(mine, waiter.selection);
        if (won === "first") return "lost";
        queue.remove(waiter);
        if (won === "won") return waiter;
      }
      waiter = following;
    }
    return "would wait";
  }

  /** Whether a taker of another thread can take what a sender brings. If not, the sender gets the error. */
  #prepare(taker: FarReceiver, sender: Waiting): boolean {
    try {
      taker.prepare(sender.value);
      return true;
    } catch (error) {
      this.senders.remove(sender);
      if (sender.selection?.win() !== false) sender.fail(error);
      return false;
    }
  }

  /** Removes the next value from the buffer. A waiting sender's value moves up. */
  #shift(): T {
    const value = this.#buffer.shift();
    if (this.senders.first !== undefined) {
      const sender = this.#next(this.senders);
      if (sender !== undefined) {
        this.#buffer.push(sender.value as T);
        sender.wakeLater(undefined);
      }
    }
    this.watch?.(this.#buffer.length, this.isClosed);
    return value;
  }

  /** Removes the first waiter, and wins its select. */
  #next(queue: WaitQueue): Waiting | undefined {
    for (let waiter = queue.first; waiter !== undefined; waiter = queue.first) {
      queue.remove(waiter);
      if (waiter.selection === undefined || waiter.selection.win()) return waiter;
    }
    return undefined;
  }
}
