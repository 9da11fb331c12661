/**
 * Runs something once, whoever comes first. The others wait for the first, and everybody gets what it came to, also if it
 * failed. On several threads it runs on the thread of the first.
 */

import { packThrown, unpackThrown, type WireThrown } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import { registerCallable } from "./remote-call.ts";
import { park, WaitQueue } from "../waiter.ts";

/** What it came to, in a form that can cross to other threads. */
export type OnceOutcome = { readonly value: unknown } | { readonly thrown: WireThrown };

export interface OnceCore {
  /** Undefined: the caller is the first, and must run it. */
  begin(): Promise<OnceOutcome | undefined>;
  /** The first could not end: the next is the first. */
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
      // Whose thread ends before the function has run leaves it to the next.
      holds: { begin: "abandon" },
    });
  }
}
