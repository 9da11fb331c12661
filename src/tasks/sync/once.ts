/**
 * Runs a function once, on the first call. Other callers wait for it, and all get its result, or its error: the same objects on
 * the thread where the function has run and on the thread of the Once, copies elsewhere. Across threads, it runs on the thread
 * of the first caller. If that thread ends before the function has returned, the next caller runs it.
 */

import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import type { Maybe } from "../channel/channel-core.ts";
import { HERE, type Holdable, type Holder, involve, release, removeWaiters } from "./holds.ts";
import { registerCallable } from "./remote-call.ts";
import { nextTurn, park, WaitQueue } from "../waiter.ts";
import { sendable } from "../wire-thrown.ts";

export type OnceOutcome = { readonly value: unknown } | { readonly error: unknown };

export interface OnceCore {
  /** Undefined: the caller is the first, and must run it. */
  begin(by: Holder): Promise<OnceOutcome | undefined>;
  end(by: Holder, outcome: OnceOutcome): Maybe<void>;
}

class LocalOnce implements OnceCore, Holdable {
  #outcome: OnceOutcome | undefined;
  /** The thread that runs the function. */
  #runner: Holder | undefined;
  readonly #waiters: WaitQueue = new WaitQueue();

  async begin(by: Holder): Promise<OnceOutcome | undefined> {
    if (this.#outcome !== undefined) return by === HERE ? this.#outcome : toSend(this.#outcome);
    if (this.#runner === undefined) {
      this.#run(by);
      return undefined;
    }
    const outcome = await park<OnceOutcome | undefined>(this.#waiters, "once", by);
    return outcome === undefined || by === HERE ? outcome : toSend(outcome);
  }

  end(by: Holder, outcome: OnceOutcome): void {
    release(by, this);
    this.#outcome = outcome;
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake(outcome);
  }

  threadGone(thread: number): void {
    removeWaiters(this.#waiters, thread);
    if (this.#runner !== thread || this.#outcome !== undefined) return;
    const next = this.#waiters.shift();
    this.#runner = undefined;
    if (next === undefined) return;
    this.#run(next.value as Holder);
    next.wake(undefined);
  }

  #run(by: Holder): void {
    this.#runner = by;
    involve(by, this);
  }
}

/** A stand-in. It remembers the outcome, so that its callers all get the same objects, without asking again. */
class RemoteOnce implements OnceCore {
  readonly #home: OnceCore;
  #outcome: OnceOutcome | undefined;
  /** Settles when home knows the outcome of this thread's run. */
  #ending: Promise<void> | undefined;

  constructor(home: OnceCore) {
    this.#home = home;
  }

  async begin(by: Holder): Promise<OnceOutcome | undefined> {
    if (this.#outcome !== undefined) return this.#outcome;
    const outcome = await this.#home.begin(by);
    if (outcome === undefined) return undefined;
    // If it has run on this thread, home's answer to others may be here before its answer to the runner.
    await this.#ending;
    return (this.#outcome ??= outcome);
  }

  async end(by: Holder, outcome: OnceOutcome): Promise<void> {
    const sent = Promise.resolve(this.#home.end(by, toSend(outcome)));
    this.#ending = sent.then(
      () => {
        this.#outcome = outcome;
      },
      () => {},
    );
    await sent;
  }
}

/** Whatever was thrown can be told. A value that can't be copied is refused when it is packed. */
function toSend(outcome: OnceOutcome): OnceOutcome {
  return "error" in outcome ? { error: sendable(outcome.error) } : outcome;
}

export class Once {
  readonly #core: OnceCore;

  /** @param core For the library. */
  constructor(core: OnceCore = new LocalOnce()) {
    this.#core = core;
  }

  /** Runs `run` on the first call and returns its result; later calls return the result of the first.
   *
   * @throws what the first one threw
   */
  async do<R>(run: () => R | PromiseLike<R>): Promise<Awaited<R>> {
    if (typeof run !== "function") {
      throw new HeddleError("TASK_INVALID", `once.do() needs a function, and got ${typeof run}.`);
    }
    const outcome = await this.#core.begin(HERE);
    if (outcome !== undefined) {
      if (isTimeUp()) await nextTurn(undefined);
      if ("error" in outcome) throw outcome.error;
      return outcome.value as Awaited<R>;
    }
    try {
      const value = await run();
      await this.#core.end(HERE, { value });
      return value;
    } catch (error) {
      await this.#core.end(HERE, { error });
      throw error;
    }
  }

  static {
    registerCallable<Once, OnceCore>({
      tag: "once",
      prototype: Once.prototype,
      coreOf: (once) => once.#core,
      withCore: (core) => new Once(new RemoteOnce(core)),
      methods: ["begin", "end"],
    });
  }
}
