/**
 * A request's way through the gates: first its route's, if that has one, then the server's. It ends in exactly one of:
 * executed, shed (503), or forgotten because its client went away.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorCode } from "../../../errors/errors.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import type { Exchange } from "../exchange.ts";
import { Gate, type GateHandle } from "./gate.ts";
import type { Router } from "../route/router.ts";

type Next = (exchange: Exchange, nowMs: number) => void;

export class Admission {
  readonly #server: Gate;
  readonly #gates: readonly Gate[];
  readonly #row: LoadRow;
  readonly #execute: Next;

  /** `gates`: by route name, `*` is the server's. `execute` is called once for each admitted exchange. */
  constructor(
    router: Router,
    gates: Readonly<Record<string, GateHandle>>,
    queueTimeoutMs: number,
    row: LoadRow,
    execute: Next,
  ) {
    this.#row = row;
    this.#execute = execute;
    this.#server = new Gate(gates["*"]!, queueTimeoutMs);
    const all = [this.#server];
    for (const route of router.routes) {
      if (route.limit === undefined) continue;
      route.gate = new Gate(gates[route.name]!, queueTimeoutMs);
      all.push(route.gate);
    }
    this.#gates = all;
  }

  admit(exchange: Exchange, nowMs: number): void {
    const { gate } = exchange.route;
    if (gate === undefined) this.#pass(this.#server, exchange, nowMs, this.#enter);
    else this.#pass(gate, exchange, nowMs, this.#enterServerGate);
  }

  /** Gives back the slots of an exchange that has ended, and removes it from its queue. */
  release(exchange: Exchange): void {
    if (exchange.queuedAt?.forget(exchange) === true) this.#row.lower("queued");
    if (exchange.holdsServerSlot) this.#server.release();
    if (exchange.holdsRouteSlot) exchange.route.gate!.release();
  }

  /** Refuses requests that waited too long. */
  sweep(nowMs: number): void {
    for (const gate of this.#gates) gate.sweep(nowMs);
  }

  readonly #enterServerGate: Next = (exchange, nowMs) => {
    exchange.holdsRouteSlot = true;
    this.#pass(this.#server, exchange, nowMs, this.#enter);
  };

  readonly #enter: Next = (exchange, nowMs) => {
    exchange.holdsServerSlot = true;
    this.#execute(exchange, nowMs);
  };

  #pass(gate: Gate, exchange: Exchange, nowMs: number, then: Next): void {
    if (gate.tryEnter()) {
      then(exchange, nowMs);
      return;
    }
    // Another request's release admits this one. The handler must not run in that request's async context.
    const admitted = AsyncLocalStorage.bind(() => then(exchange, performance.now()));
    const queued = gate.enqueue(exchange, nowMs, (end) => {
      this.#row.lower("queued");
      exchange.queuedAt = undefined;
      if (end === "admitted") admitted();
      else this.shed(exchange, "QUEUE_TIMEOUT");
    });
    if (!queued) {
      this.shed(exchange, "OVERLOADED");
      return;
    }
    exchange.state = "queued";
    exchange.queuedAt = gate;
    this.#row.counters[COUNTER.queued]!++;
  }

  /** Refuses it for lack of room or time. A model that queues by itself calls it too. */
  shed(exchange: Exchange, code: ErrorCode): void {
    // All of its time was queue time.
    if (code === "QUEUE_TIMEOUT") exchange.executedMs = performance.now();
    this.#row.counters[COUNTER.shed]!++;
    exchange.refuse(code);
  }
}
