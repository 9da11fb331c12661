/**
 * The next connection of a worker under `sync`, and how a thread that has none gets it.
 *
 *   arbiter → take → the thread's row (`COUNTER.ahead`) → the thread takes it when it has none (`prefetch-consumer.ts`)
 *                                                       → or it is taken back from there
 *
 * It lies in shared memory so that the thread, at the moment its connection has ended, goes on with the next one without
 * asking anybody; and so that it can be taken back from a thread that is blocked. Where connections are no descriptors (no
 * node:ffi) it is kept here, and sent to the thread when that one says that it is free.
 *
 * Invariants
 * - There is at most one: the arbiter hands the next one when it has heard that this one was begun or let go.
 * - Exactly one side gets it: the thread exchanges the field for 0, this side compares and exchanges.
 * - It lies in the row of a thread only while no other thread has a connection: one that is replaced may still have its
 *   last one, and two threads would be two requests at once.
 * - The arbiter knows what was begun, also when this process dies in that moment: the thread marks the connection before
 *   it reads from it (`markBegun`). One that is sent is sent after the arbiter was told.
 * - None is left lying. Here: it is put into the row first, then the thread's connections are read, and at 0 the thread
 *   is woken. There: the last connection is subtracted first, then the row is looked at. One of the two sees the other.
 *
 * Memory: `COUNTER.ahead` of a row holds a descriptor plus one, or 0
 * - This side changes 0 to a descriptor only while it has none in any row, and a descriptor to 0 by compare-and-exchange. The thread
 *   exchanges it for 0. Nobody writes one over another.
 * - The thread dies before it has taken it: it is taken out of the dead row and put elsewhere by the next `settle`, which the end of a thread
 *   brings about. The thread dies after it has taken it and before it has made a socket of it: the connection counts as begun, and its
 *   descriptor stays open until the worker ends. Nobody repairs that; the thread runs no user code in between.
 * - `begun` is a plain number of this process. The arbiter checks that it never goes back
 *   (`server/arbiter/accept/handovers.ts`).
 */

import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { type Accepted, detach, discard } from "./accepted.ts";
import type { Load } from "./handed-connections.ts";
import { unread } from "../../../platform/node-internals/handles.ts";

/** What it needs of a `ServingThreadHandle`. */
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
  /** `written`: the message is out of this process. */
  readonly tell: (load: Load, written: () => void) => void;
  /** The connection that was here is the arbiter's again. */
  readonly tellNotBegun: () => void;
}

/** Has the place of `Arrivals` under `sync`. */
export class Ahead {
  /** Connections that threads have begun with since the worker started. */
  begun = 0;
  readonly #options: AheadOptions;
  #told = "";
  #isStopped = false;
  #accepted: Accepted | undefined;
  /** In whose row it lies. */
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

  /** Tells the load if it has changed. To be called when a thread has had a turn, came, or went. */
  tell(written: () => void = () => {}): void {
    this.settle();
    // Counted after that: one that was ahead a moment ago is among them then.
    const open = this.#threads.reduce((sum, { row }) => sum + row.read(COUNTER.connections), 0);
    const idle = open === 0 && !this.isFull && this.#options.takes();
    const load = `${this.begun} ${open} ${idle}`;
    if (load === this.#told) return;
    this.#told = load;
    this.#options.tell({ received: this.begun, open, idle }, written);
  }

  /** Unless a thread has begun with it, the connection is the arbiter's again, which has its own copy. */
  letGo(): void {
    const accepted = this.takeBack();
    if (accepted === undefined) return this.tell();
    discard(accepted);
    this.#options.tellNotBegun();
  }

  /** The worker leaves: nothing is ahead here, nor will be. */
  placed(): Promise<void> {
    this.#isStopped = true;
    this.letGo();
    return Promise.resolve();
  }

  /** undefined: it is over. */
  put(accepted: Accepted | undefined): void {
    this.#accepted = accepted;
    if (accepted === undefined) this.begun++;
    else this.settle();
  }

  /** Sees what became of it, and puts it where it belongs now. */
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

  /** undefined: there is none, or a thread was faster. */
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

  /** False: the thread it was offered to has begun with it. */
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
