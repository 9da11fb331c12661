/**
 * What becomes of a thread's exchanges while it drains:
 *
 *   begin      event streams are called off, those too whose head goes out later (`look`): they do not end by themselves
 *   lastCall   so are all others, and what waits for its turn is refused
 *   cut        nobody waits any more
 *
 * An exchange that is called off goes on: its handler knows it from the request's signal, and ends the response as it likes.
 * One whose handler fails instead is answered for, and so are those that are left at the end: with 503, or not at all if
 * a part of the answer is out, which is then cut. Each of these counts as cut short; an event stream that was ended is whole.
 */

import { drainError, endEventStream, isEventStream } from "../app/called-off.ts";
import type { Exchange } from "./exchange.ts";
import type { LinkedList } from "../../kit/linked-list.ts";
import { endConnectionWith } from "../../platform/node-internals/responses.ts";

export class CallingOff {
  /** Exchanges that did not get their whole answer. */
  cutShort = 0;
  readonly #exchanges: LinkedList<Exchange>;
  /** Those that have begun to answer with something else than an event stream. */
  readonly #others = new WeakSet<Exchange>();
  #phase: "serving" | "begun" | "last-call" = "serving";

  constructor(exchanges: LinkedList<Exchange>) {
    this.#exchanges = exchanges;
  }

  begin(): void {
    if (this.#phase === "serving") this.#phase = "begun";
    this.look();
  }

  /** For what has come, or begun to answer, since. Call it every few milliseconds. */
  look(): void {
    if (this.#phase === "serving") return;
    for (const exchange of this.#exchanges) {
      if (exchange.abortReason !== undefined || exchange.refusal !== undefined || this.#others.has(exchange)) continue;
      if (isEventStream(exchange.res)) callOffStream(exchange);
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

  /** Its handler failed after it was called off: a consequence, not a fault. */
  failed(exchange: Exchange): void {
    // What ran on a handler thread was ended there, if it could be.
    if (exchange.handler === undefined && endEventStream(exchange.res)) return;
    if (exchange.refusal === undefined && !exchange.res.writableEnded) this.#answerFor(exchange);
  }

  #callOff(exchange: Exchange): void {
    if (exchange.hasBegun && exchange.queuedAt === undefined) exchange.callOff(drainError());
    else this.#answerFor(exchange);
  }

  #answerFor(exchange: Exchange): void {
    this.cutShort++;
    exchange.refuse("DRAINING", "the server drains, and its time is over");
  }
}

function callOffStream(exchange: Exchange): void {
  const { res, connection } = exchange;
  // A refusal behind it ends the connection anyway.
  if (connection.current === exchange && !connection.refusesInTurn) {
    // Its head has said otherwise; but on the same connection the client would meet the same thread again.
    endConnectionWith(res);
    connection.closing = true;
  }
  exchange.callOff(drainError());
}
