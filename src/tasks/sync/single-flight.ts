/**
 * Go's singleflight: calls for the same key at the same time run the function once, and share its result or its error. When the call has
 * ended, the next one for the key runs it again: this is no cache. Across threads the function runs on the thread of the first caller,
 * and the others get a copy of the result.
 *
 *   begin ──▶ first: runs ──▶ end: all get the outcome
 *     └─────▶ other: parks ──▶ outcome, or becomes first (the first one's thread has ended)
 */

import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { HERE, type Holdable, type Holder, involve, release } from "./holds.ts";
import { parkUnder, refusedBy } from "./park-under.ts";
import { registerCallable } from "./remote-call.ts";
import { connected } from "../task-service.ts";
import { nextTurn, WaitQueue } from "../waiter.ts";
import { packThrown, unpackThrown, type WireThrown } from "../wire-thrown.ts";

/** What `SingleFlight` compares keys by: as a Map does, and the same on every thread. */
export type FlightKey = string | number | bigint | boolean;

/** The outcome, in a form that can be sent to other threads. */
type FlightOutcome = { readonly value: unknown } | { readonly thrown: WireThrown };

interface FlightsCore {
  /** Undefined: the caller is the first and must run it. `caller`: a name that no other call has. */
  begin(by: Holder, key: FlightKey, caller: string, context?: Context): Promise<FlightOutcome | undefined>;
  end(by: Holder, caller: string, outcome: FlightOutcome): Maybe<void>;
  forget(by: Holder, key: FlightKey): Maybe<void>;
}

interface Caller {
  readonly by: Holder;
  /** It waits in it, alone. */
  readonly queue: WaitQueue;
}

interface Flight {
  readonly key: FlightKey;
  /** Who runs it. */
  by: Holder;
  /** Those who wait for it, in their order. */
  readonly waiting: Map<string, Caller>;
}

class LocalFlights implements FlightsCore, Holdable {
  readonly #byKey: Map<FlightKey, Flight> = new Map();
  /** All that run, by who runs them; those included that were forgotten. */
  readonly #running: Map<string, Flight> = new Map();

  async begin(by: Holder, key: FlightKey, caller: string, context?: Context): Promise<FlightOutcome | undefined> {
    const flight = this.#byKey.get(key);
    if (flight === undefined) {
      const mine: Flight = { key, by, waiting: new Map() };
      this.#byKey.set(key, mine);
      this.#begins(caller, mine);
      return undefined;
    }
    const queue = new WaitQueue();
    flight.waiting.set(caller, { by, queue });
    return parkUnder<FlightOutcome | undefined>(queue, "single flight", context, {
      left: () => flight.waiting.delete(caller),
    });
  }

  end(_by: Holder, caller: string, outcome: FlightOutcome): void {
    const flight = this.#running.get(caller);
    if (flight === undefined) return;
    this.#ends(caller, flight);
    if (this.#byKey.get(flight.key) === flight) this.#byKey.delete(flight.key);
    for (const { queue } of flight.waiting.values()) queue.shift()?.wake(outcome);
  }

  forget(_by: Holder, key: FlightKey): void {
    this.#byKey.delete(key);
  }

  threadGone(thread: number): void {
    for (const { waiting } of this.#running.values()) {
      for (const [caller, { by }] of waiting) if (by === thread) waiting.delete(caller);
    }
    for (const [caller, flight] of Array.from(this.#running)) if (flight.by === thread) this.#passOn(caller, flight);
  }

  #passOn(caller: string, flight: Flight): void {
    this.#ends(caller, flight);
    const [next] = flight.waiting;
    if (next === undefined) {
      if (this.#byKey.get(flight.key) === flight) this.#byKey.delete(flight.key);
      return;
    }
    const [name, { by, queue }] = next;
    flight.waiting.delete(name);
    flight.by = by;
    this.#begins(name, flight);
    queue.shift()?.wake(undefined);
  }

  #begins(caller: string, flight: Flight): void {
    this.#running.set(caller, flight);
    involve(flight.by, this);
  }

  #ends(caller: string, flight: Flight): void {
    this.#running.delete(caller);
    release(flight.by, this);
  }
}

let lastCall = 0;

/** What was thrown on this thread: the other callers here get the same. */
const thrown = new WeakMap<FlightOutcome, unknown>();

export class SingleFlight<K extends FlightKey = string> {
  readonly #core: FlightsCore;

  /** @param core For the library. */
  constructor(core: object = new LocalFlights()) {
    this.#core = core as FlightsCore;
  }

  /**
   * Runs `run`, or waits for the call for this key that runs now, and returns its result: to all of these callers the same value, or
   * copies on other threads. A context ends the waiting of its own caller only; a caller whose function runs does not look at it.
   *
   * @throws what the function throws, to all of these callers; the context's error; HeddleError SYNC_MISUSE if the key is an object
   */
  async do<R>(key: K, run: () => R | PromiseLike<R>, context?: Context): Promise<Awaited<R>> {
    check(key);
    const refused = refusedBy(context, "singleFlight.do()");
    if (refused !== undefined) await refused;
    const caller = `${connected().self}/${++lastCall}`;
    const outcome = await (context === undefined
      ? this.#core.begin(HERE, key, caller)
      : this.#core.begin(HERE, key, caller, context));
    if (isTimeUp()) await nextTurn(undefined);
    if (outcome !== undefined) return resultOf(outcome) as Awaited<R>;
    try {
      const value = await run();
      await this.#core.end(HERE, caller, { value });
      return value;
    } catch (error) {
      // Also if the value cannot be copied to the thread of the flights.
      const failed: FlightOutcome = { thrown: packThrown(error) };
      thrown.set(failed, error);
      await this.#core.end(HERE, caller, failed);
      throw error;
    }
  }

  /** The next call for this key runs its function, also if one runs now. On another thread it returns a promise. */
  forget(key: K): Maybe<void> {
    check(key);
    return this.#core.forget(HERE, key);
  }

  static {
    registerCallable<SingleFlight, FlightsCore>({
      tag: "single flight",
      prototype: SingleFlight.prototype,
      coreOf: (group) => group.#core,
      withCore: (core) => new SingleFlight(core),
      methods: ["begin", "end", "forget"],
    });
  }
}

function resultOf(outcome: FlightOutcome): unknown {
  if ("thrown" in outcome) throw thrown.has(outcome) ? thrown.get(outcome) : unpackThrown(outcome.thrown);
  return outcome.value;
}

function check(key: unknown): void {
  if (["string", "number", "bigint", "boolean"].includes(typeof key)) return;
  throw new HeddleError(
    "SYNC_MISUSE",
    `the key of a SingleFlight must be a string or a number, and is ${typeof key}.`,
    {
      hint: "Objects arrive on other threads as copies, which are other keys: make a string of it.",
    },
  );
}
