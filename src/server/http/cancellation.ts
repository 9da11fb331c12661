/**
 * Cancels a thread's exchanges while it drains, in three phases:
 *
 *   begin      event streams are cancelled: they don't end by themselves. `look` cancels those whose head goes out later.
 *   lastCall   all other exchanges are cancelled, and those that wait for their turn are refused
 *   cut        every exchange that is left is answered with 503
 *
 * A cancelled exchange goes on. Its request's signal tells its handler, which ends the response as it likes.
 * If the handler fails instead, or does not end in time, the exchange is answered with 503. If a part of the response is out
 * already, its connection is cut. Each of these counts as cut short. An event stream that was ended counts as complete.
 */

import { drainError } from "../app/called-off.ts";
import type { Exchange } from "./exchange.ts";
import type { LinkedList } from "../../kit/linked-list.ts";

export class CallingOff {
  /** Exchanges that did not get their whole answer. */
  cutShort = 0;
  readonly #exchanges: LinkedList<Exchange>;
  /** Exchanges whose response has begun and is no event stream. */
  readonly #others = new WeakSet<Exchange>();
  #phase: "serving" | "begun" | "last-call" = "serving";

  constructor(exchanges: LinkedList<Exchange>) {
    this.#exchanges = exchanges;
  }

  begin(): void {
    if (this.#phase === "serving") this.#phase = "begun";
    this.look();
  }

  /** Looks at exchanges that came, or began to answer, since the last call. Call it every few milliseconds. */
  look(): void {
    if (this.#phase === "serving") return;
    for (const exchange of this.#exchanges) {
      if (exchange.abortReason !== undefined || exchange.refusal !== undefined || this.#others.has(exchange)) continue;
      if (exchange.isEventStream) callOffStream(exchange);
      else if (this.#phase === "last-call") this.#callOff(exchange);
      else if (exchange.res.headersSent) this.#others.add(exchange);
    }
  }

  lastCall(): void {
    this.#phase = "last-call";
    for (const exchange of this.#exchanges) if (exchange.refusal === undefined) this.#callOff(exchange);
  }

  cut(): void {
    for (const exchange of this.#exchanges) if (exchange.refusal === undefined) this.#answerFor(exchange);
  }

  /** The handler failed after the exchange was cancelled: a consequence, not a fault. */
  failed(exchange: Exchange): void {
    // A handler thread has ended its own event stream already, if that was possible.
    if (exchange.handler === undefined && exchange.endEventStream()) return;
    if (exchange.refusal === undefined && !exchange.res.writableEnded) this.#answerFor(exchange);
  }

  #callOff(exchange: Exchange): void {
    if (exchange.hasBegun && exchange.queuedAt === undefined) exchange.callOff(drainError());
    else this.#answerFor(exchange);
  }

  #answerFor(exchange: Exchange): void {
    this.cutShort++;
    exchange.refuse("DRAINING", "the server's drain time is over");
  }
}

function callOffStream(exchange: Exchange): void {
  // On this connection the client would reach the same draining thread again.
  exchange.leaveConnection();
  exchange.callOff(drainError());
}
