/**
 * The next connection of a worker under `sync`, and how a thread without a connection gets it.
 *
 *   arbiter → take → the thread's row (`COUNTER.ahead`) → the thread takes it when it has none (`prefetch-consumer.ts`)
 *                                                       → or it is taken back from there
 *
 * It is in shared memory for two reasons. A thread whose connection has ended continues with the next one without asking
 * anybody. And the connection can be taken back from a blocked thread. Where connections are no descriptors (no node:ffi), it
 * is kept here, and sent to the thread when that is free.
 *
 * Invariants
 * - There is at most one. The arbiter sends the next one when it knows that this one was begun or dropped.
 * - Exactly one side gets it: the thread exchanges the field for 0, this side uses compare-and-exchange.
 * - It is in the row of a thread only while no other thread has a connection. A thread that is being replaced may still have
 *   its last one, and two threads would run two requests at once.
 * - The arbiter knows what was begun, even if this process dies at that moment: the thread marks the connection before it
 *   reads from it (`markBegun`). A connection that is sent is sent only after the arbiter was told.
 * - No lost wake-up. This side: publish the fd in the row, then read the thread's connections, and at 0 wake the thread.
 *   The thread: subtract the last connection, then read the row. One of the two sees the other.
 *
 * Memory: `COUNTER.ahead` of a row holds a descriptor plus one, or 0
 * - This side changes 0 to a descriptor only while it has none in any row, and a descriptor to 0 by compare-and-exchange. The
 *   thread exchanges it for 0. So no descriptor overwrites another.
 * - If the thread dies before it has taken it, the next `settle` takes it out of the dead row and puts it elsewhere. The
 *   thread's end triggers a `settle`. If the thread dies after it has taken it and before it has made a socket, the
 *   connection counts as begun, and its descriptor stays open until the worker ends. Nobody repairs that; the thread runs no
 *   user code in between.
 * - `begun` is a plain number of this process. The arbiter checks that it never decreases
 *   (`server/arbiter/accept/handovers.ts`).
 */

import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { type Accepted, detach, discard } from "./accepted.ts";
import { type Load, MOST_TOLD } from "./handed-connections.ts";
import { unread } from "../../../platform/node-internals/handles.ts";

/** The part of a `ServingThreadHandle` that it uses. */
export interface TakingThread {
  readonly row: Pick<LoadRow, "counters" | "read">;
  readonly state: string;
  wake(): void;
  give(accepted: Accepted, counted: boolean): void;
}

export interface AheadOptions {
  readonly threads: () => readonly TakingThread[];
  /** Whether a thread would take a connection now. */
  readonly takes: () => boolean;
  /** How many connections more there are descriptors for. */
  readonly room: () => number;
  /** There are none. */
  readonly onFull: () => void;
  /** `written`: the message has left this process. */
  readonly tell: (load: Load, written: () => void) => void;
  /** The connection that was here belongs to the arbiter again. */
  readonly tellNotBegun: () => void;
}

/** Replaces `Arrivals` under `sync`. */
export class Ahead {
  /** Connections that threads have begun since the worker started. */
  begun = 0;
  readonly #options: AheadOptions;
  #told = "";
  #isStopped = false;
  #accepted: Accepted | undefined;
  /** The thread whose row holds it. */
  #thread: TakingThread | undefined;

  constructor(options: AheadOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#accepted !== undefined;
  }

  /** undefined: its client left on the way. */
  receive(handle: object | undefined): void {
    this.put(handle === undefined ? undefined : detach(unread({ handle })));
    if (this.#isStopped) this.letGo();
    else if (!this.isFull) this.tell();
  }

  /** Tells the load if it has changed. Call it when a thread has had a turn, came, or went. */
  tell(written: () => void = () => {}): void {
    this.settle();
    // Counted after `settle`: a connection that was taken a moment ago is then among the open ones.
    const open = this.#threads.reduce((sum, { row }) => sum + row.read(COUNTER.connections), 0);
    const room = Math.min(this.#options.room(), MOST_TOLD);
    const idle = open === 0 && !this.isFull && room > 0 && this.#options.takes();
    const load = `${this.begun} ${open} ${room > 0} ${idle}`;
    if (load === this.#told) return;
    if (room <= 0) this.#options.onFull();
    this.#told = load;
    this.#options.tell({ received: this.begun, open, room, idle }, written);
  }

  /** Drops the connection, unless a thread has begun it. The arbiter has its own copy. */
  letGo(): void {
    const accepted = this.takeBack();
    if (accepted === undefined) return this.tell();
    discard(accepted);
    this.#options.tellNotBegun();
  }

  /** The worker leaves: it has no prefetched connection, and takes none any more. */
  placed(): Promise<void> {
    this.#isStopped = true;
    this.letGo();
    return Promise.resolve();
  }

  /** undefined: the client has left. It counts as begun. */
  put(accepted: Accepted | undefined): void {
    this.#accepted = accepted;
    if (accepted === undefined) this.begun++;
    else this.settle();
  }

  /** Checks whether a thread has taken it, and moves it to the right row. */
  settle(): void {
    if (this.#accepted === undefined) return;
    if (this.#thread?.state === "ready") {
      if (this.#thread.row.read(COUNTER.ahead) === 0) this.#hasBegun();
      return;
    }
    if (!this.#takeOut()) return;
    const thread = this.#threads.find(({ state }) => state === "ready");
    if (thread === undefined) return;
    if (this.#threads.some((other) => other !== thread && other.row.read(COUNTER.connections) > 0)) return;
    this.#offer(thread, this.#accepted);
  }

  /** undefined: there is none, or a thread has taken it. */
  takeBack(): Accepted | undefined {
    if (this.#accepted === undefined || !this.#takeOut()) return undefined;
    const accepted = this.#accepted;
    this.#accepted = undefined;
    return accepted;
  }

  #offer(thread: TakingThread, accepted: Accepted): void {
    if (accepted.kind === "fd") {
      this.#thread = thread;
      Atomics.store(thread.row.counters, COUNTER.ahead, accepted.fd + 1);
      if (thread.row.read(COUNTER.connections) === 0) thread.wake();
    } else if (thread.row.read(COUNTER.connections) === 0) {
      Atomics.add(thread.row.counters, COUNTER.connections, 1);
      this.#hasBegun();
      this.tell(() => thread.give(accepted, true));
    }
  }

  get #threads(): readonly TakingThread[] {
    return this.#options.threads();
  }

  /** False: the thread it was offered to has begun it. */
  #takeOut(): boolean {
    if (this.#thread === undefined || this.#accepted?.kind !== "fd") return true;
    const offered = this.#accepted.fd + 1;
    const isOurs = Atomics.compareExchange(this.#thread.row.counters, COUNTER.ahead, offered, 0) === offered;
    this.#thread = undefined;
    if (!isOurs) this.#hasBegun();
    return isOurs;
  }

  #hasBegun(): void {
    this.#accepted = undefined;
    this.#thread = undefined;
    this.begun++;
  }
}
