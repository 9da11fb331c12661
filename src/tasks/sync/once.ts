/**
 * Runs a function once, on the first call. Other callers wait for it, and all get its result, or its error. Across threads, it
 * runs on the thread of the first caller.
 */

import { packThrown, unpackThrown, type WireThrown } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import { registerCallable } from "./remote-call.ts";
import { park, WaitQueue } from "../waiter.ts";

/** The outcome, in a form that can be sent to other threads. */
export type OnceOutcome = { readonly value: unknown } | { readonly thrown: WireThrown };

export interface OnceCore {
  /** Undefined: the caller is the first, and must run it. */
  begin(): Promise<OnceOutcome | undefined>;
  /** The first caller could not finish: the next becomes the first. */
  abandon(): Maybe<void>;
  end(outcome: OnceOutcome): Maybe<void>;
}

class LocalOnce implements OnceCore {
  #outcome: OnceOutcome | undefined;
  #isRunning: boolean = false;
  readonly #waiters: WaitQueue = new WaitQueue();

  async begin(): Promise<OnceOutcome | undefined> {
    if (this.#outcome !== undefined) return this.#outcome;
    if (this.#isRunning) return park<OnceOutcome | undefined>(this.#waiters, "once");
    this.#isRunning = true;
    return undefined;
  }

  abandon(): void {
    if (this.#outcome !== undefined) return;
    const next = this.#waiters.shift();
    if (next === undefined) this.#isRunning = false;
    else next.wake(undefined);
  }

  end(outcome: OnceOutcome): void {
    this.#outcome = outcome;
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.wake(outcome);
  }
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
    const outcome = await this.#core.begin();
    if (outcome !== undefined) {
      if ("thrown" in outcome) throw unpackThrown(outcome.thrown);
      return outcome.value as Awaited<R>;
    }
    try {
      const value = await run();
      await this.#core.end({ value });
      return value;
    } catch (error) {
      await this.#core.end({ thrown: packThrown(error) });
      throw error;
    }
  }

  static {
    registerCallable<Once, OnceCore>({
      tag: "once",
      prototype: Once.prototype,
      coreOf: (once) => once.#core,
      withCore: (core) => new Once(core),
      methods: ["begin", "abandon", "end"],
      // If the runner's thread ends before the function has returned, the next caller runs it.
      holds: { begin: "abandon" },
    });
  }
}
