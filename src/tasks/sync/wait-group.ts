/**
 * Go's WaitGroup: waits until a number of things are done. Call `add` before they begin and `done` at the end of each, or `go`
 * for both.
 *
 * The rules are Go's, and so are the error messages. The counter never gets negative. Nothing may be added between the last
 * `done` and the wake-up of its waiters, nor before all of them have gone on.
 */

import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp, runQueue } from "../../runtime/run-queue.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { parkUnder, refusedBy } from "./park-under.ts";
import { go } from "../jobs/go.ts";
import type { Handle } from "../jobs/handle.ts";
import { HERE, type Holdable, type Holder, Holds, removeWaiters } from "./holds.ts";
import { registerCallable } from "./remote-call.ts";
import type { Task } from "../jobs/task.ts";
import { nextTurn, WaitQueue, wakeInTurn } from "../waiter.ts";

export interface WaitGroupCore {
  add(by: Holder, delta: number): Maybe<void>;
  wait(by: Holder, context?: Context): Promise<void>;
  /** Adds one until `finish`, or until the thread of the caller has ended. */
  begin(by: Holder): Maybe<void>;
  finish(by: Holder): Maybe<void>;
}

class LocalWaitGroup implements WaitGroupCore, Holdable {
  #count: number = 0;
  /** What `begin` has added for other threads. */
  readonly #begun: Holds = new Holds(this);
  readonly #waiters: WaitQueue = new WaitQueue();
  /** The count has reached zero, but the waiters' turn has not come. */
  #isReleasing: boolean = false;

  add(_by: Holder, delta: number): void {
    if (!Number.isSafeInteger(delta)) throw misuse(`add needs a whole number, and got ${String(delta)}`);
    if (this.#count + delta < 0) throw misuse("negative WaitGroup counter");
    if (this.#isReleasing && delta > 0) throw misuse("Add called concurrently with Wait");
    this.#count += delta;
    if (this.#count > 0 || this.#waiters.first === undefined) return;
    this.#isReleasing = true;
    runQueue.add({ run: () => this.#release() });
  }

  async wait(by: Holder, context?: Context): Promise<void> {
    if (this.#count === 0 && !this.#isReleasing) {
      if (isTimeUp()) await nextTurn(undefined);
      return;
    }
    await parkUnder<void>(this.#waiters, "wait group", context, { value: by });
    if (this.#count !== 0) throw misuse("WaitGroup is reused before previous Wait has returned");
  }

  begin(by: Holder): void {
    this.add(by, 1);
    this.#begun.take(by, 1);
  }

  finish(by: Holder): void {
    this.#begun.give(by, 1, Infinity);
    this.add(by, -1);
  }

  threadGone(thread: number): void {
    removeWaiters(this.#waiters, thread);
    const begun = this.#begun.lose(thread);
    // Somebody may have called `done` for them too.
    if (begun > 0) this.add(HERE, -Math.min(begun, this.#count));
  }

  #release(): void {
    this.#isReleasing = false;
    // One after the other: what the first does when it goes on must be seen by the others.
    wakeInTurn(this.#waiters);
  }
}

export class WaitGroup {
  readonly #core: WaitGroupCore;

  /** @param core For the library. */
  constructor(core: WaitGroupCore = new LocalWaitGroup()) {
    this.#core = core;
  }

  /**
   * Adds this many to wait for (or subtracts). On another thread than the group's own, this and the other methods return a
   * promise. If the calling thread ends, what it has added stays: `done` may be called by any thread. `go` has no such gap.
   *
   * @throws HeddleError SYNC_MISUSE
   */
  add(delta: number = 1): Maybe<void> {
    return this.#core.add(HERE, delta);
  }

  /**
   * One fewer.
   *
   * @throws HeddleError SYNC_MISUSE
   */
  done(): Maybe<void> {
    return this.#core.add(HERE, -1);
  }

  /**
   * Waits until the count is zero. With a context it gives up when that is cancelled.
   *
   * @throws HeddleError SYNC_MISUSE; the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  wait(context?: Context): Promise<void> {
    return (
      refusedBy(context, "waitGroup.wait()") ??
      (context === undefined ? this.#core.wait(HERE) : this.#core.wait(HERE, context))
    );
  }

  /**
   * Starts a task that counts while it runs, however it ends, also with its thread. If the calling thread ends, the task is
   * cancelled and counts no more.
   */
  go<Args extends readonly unknown[], R>(
    task: Task<Args, R> | ((...args: Args) => R | PromiseLike<R>),
    ...args: Args
  ): Handle<Awaited<R>> {
    const added = this.#core.begin(HERE);
    let handle: Handle<Awaited<R>>;
    try {
      handle = go(task as Task<Args, R>, ...args);
    } catch (error) {
      // It was not started, so it must not be waited for.
      this.#undo(added).catch(unlessLost);
      throw error;
    }
    const done = async (): Promise<void> => {
      await added;
      await handle.ended();
      await this.#core.finish(HERE);
    };
    done().catch(unlessLost);
    return handle;
  }

  async #undo(added: Maybe<void>): Promise<void> {
    await added;
    await this.#core.finish(HERE);
  }

  static {
    registerCallable<WaitGroup, WaitGroupCore>({
      tag: "wait group",
      prototype: WaitGroup.prototype,
      coreOf: (group) => group.#core,
      withCore: (core) => new WaitGroup(core),
      methods: ["add", "wait", "begin", "finish"],
    });
  }
}

/** The group has ended with its thread: whoever waits for it is told. */
function unlessLost(error: unknown): void {
  if (!(error instanceof HeddleError && error.code === "CHANNEL_LOST")) throw error;
}

function misuse(message: string): HeddleError {
  return new HeddleError("SYNC_MISUSE", `${message}.`);
}
