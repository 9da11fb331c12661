/**
 * A request's way through the gates: first its route's, if that has one, then the server's. It ends in exactly one of:
 * executed, shed (503), or forgotten because its client went away.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorCode } from "../../../errors/errors.ts";
import { hasNative, sinceLastByteMs } from "../../../platform/native.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import type { WaitEnd } from "../../models/model.ts";
import type { Exchange } from "../exchange.ts";
import { AdaptiveGate } from "./adaptive/adaptive-gate.ts";
import { Gate, type GateHandle } from "./gate.ts";
import { beginNext } from "../parse/pipelining-order.ts";
import type { Router } from "../route/router.ts";

type Next = (exchange: Exchange, nowMs: number) => void;

export class Admission {
  readonly #server: Gate;
  readonly #gates: readonly Gate[];
  readonly #row: LoadRow;
  readonly #execute: Next;
  readonly #isAdaptive: boolean;

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
    const open = (name: string): Gate => {
      const handle = gates[name]!;
      return handle.adaptive === undefined
        ? new Gate(handle, queueTimeoutMs)
        : new AdaptiveGate(handle, queueTimeoutMs);
    };
    this.#server = open("*");
    const all = [this.#server];
    for (const route of router.routes) {
      if (route.limit === undefined) continue;
      route.gate = open(route.name);
      all.push(route.gate);
    }
    this.#gates = all;
    this.#isAdaptive = all.some((gate) => gate instanceof AdaptiveGate);
  }

  admit(exchange: Exchange, nowMs: number): void {
    const { gate, priority } = exchange.route;
    exchange.isUrgent = priority === "high" && !isBehindOthers(exchange);
    if (priority === "always") this.#enterUncounted(exchange, nowMs);
    else if (gate === undefined) this.#pass(this.#server, exchange, nowMs, this.#enter);
    else this.#pass(gate, exchange, nowMs, this.#enterServerGate);
  }

  /** Gives back the slots of an exchange that has ended, and removes it from its queue. `isGood`: the client has the app's answer. */
  release(exchange: Exchange, nowMs: number, isGood: boolean): void {
    if (exchange.queuedAt?.forget(exchange) === true) this.#row.lower("queued");
    const answerMs = isGood ? nowMs - exchange.executedMs : undefined;
    if (exchange.holdsServerSlot) giveBack(this.#server, answerMs, nowMs);
    if (exchange.holdsRouteSlot) giveBack(exchange.route.gate!, answerMs, nowMs);
  }

  /** Refuses requests that waited too long. `exchanges`: those of the thread. */
  sweep(nowMs: number, exchanges: Iterable<Exchange>): void {
    for (const gate of this.#gates) gate.sweep(nowMs);
    if (!this.#isAdaptive) return;
    for (const exchange of exchanges) if (exchange.state === "executing") this.#giveBackEarly(exchange, nowMs);
  }

  /**
   * An adaptive limit counts the requests that the app works on. It counts no response that is being sent, an event stream least of all,
   * and no body that a slow client is sending.
   */
  #giveBackEarly(exchange: Exchange, nowMs: number): void {
    const { route, res, body, executedMs } = exchange;
    const isAnswered = res.headersSent;
    if (!isAnswered && (body === undefined || body.arrivingUntilMs <= executedMs)) return;
    const answerMs = isAnswered ? nowMs - executedMs : undefined;
    if (exchange.holdsServerSlot && this.#server instanceof AdaptiveGate) {
      exchange.holdsServerSlot = false;
      this.#server.answered(answerMs, nowMs);
    }
    if (exchange.holdsRouteSlot && route.gate instanceof AdaptiveGate) {
      exchange.holdsRouteSlot = false;
      route.gate.answered(answerMs, nowMs);
    }
  }

  readonly #enterServerGate: Next = (exchange, nowMs) => {
    exchange.holdsRouteSlot = true;
    this.#pass(this.#server, exchange, nowMs, this.#enter);
  };

  readonly #enter: Next = (exchange, nowMs) => {
    exchange.holdsServerSlot = true;
    exchange.wasAdmitted = true;
    this.#execute(exchange, nowMs);
  };

  /** Cheap requests that must always be answered, such as health checks: they hold no slot, and say nothing about the app's speed. */
  #enterUncounted(exchange: Exchange, nowMs: number): void {
    exchange.wasAdmitted = true;
    this.#execute(exchange, nowMs);
  }

  #pass(gate: Gate, exchange: Exchange, nowMs: number, then: Next): void {
    const { isUrgent } = exchange;
    let sinceMs = nowMs;
    if (gate instanceof AdaptiveGate) {
      const waited = waitedMs(gate, exchange, nowMs);
      if (gate.sheds(isUrgent, waited, nowMs)) {
        this.shed(exchange, "QUEUE_DELAYED");
        return;
      }
      sinceMs -= waited ?? 0;
    }
    if (gate.tryEnter(isUrgent)) {
      then(exchange, nowMs);
      return;
    }
    // Another request's release admits this one. The handler must not run in that request's async context.
    const admitted = AsyncLocalStorage.bind(() => then(exchange, performance.now()));
    const done = (end: WaitEnd): void => {
      this.#row.lower("queued");
      exchange.queuedAt = undefined;
      if (end !== "admitted") return this.shed(exchange, SHED_AS[end]);
      admitted();
      beginNext(exchange.connection);
    };
    const queued = gate.enqueue(exchange, sinceMs, done, isUrgent);
    if (!queued) {
      this.shed(exchange, "OVERLOADED");
      return;
    }
    exchange.state = "queued";
    exchange.queuedAt = gate;
    exchange.connection.latestQueued = exchange;
    this.#row.counters[COUNTER.queued]!++;
  }

  /** Refuses it for lack of room or time. A model that queues by itself calls it too. */
  shed(exchange: Exchange, code: ErrorCode): void {
    // All of its time was queue time.
    if (exchange.state === "queued" || code === "QUEUE_TIMEOUT") exchange.executedMs = performance.now();
    this.#row.counters[COUNTER.shed]!++;
    exchange.refuse(code);
  }
}

const SHED_AS = { "timed-out": "QUEUE_TIMEOUT", delayed: "QUEUE_DELAYED", displaced: "OVERLOADED" } as const;

/** Whether an earlier request of its connection waits at a gate without priority (pipelining-order.ts). */
function isBehindOthers({ connection: { latestQueued } }: Exchange): boolean {
  return latestQueued?.state === "queued" && !latestQueued.isUrgent;
}

function giveBack(gate: Gate, answerMs: number | undefined, nowMs: number): void {
  if (gate instanceof AdaptiveGate) gate.answered(answerMs, nowMs);
  else gate.release();
}

/**
 * How long a request that was just read has waited in the kernel, to 1 or 4 ms (its tick). 0 where the kernel does not tell (not Linux,
 * no node:ffi, a Unix socket), and for one that has waited behind others of its connection. undefined: the gate need not know.
 */
function waitedMs(gate: AdaptiveGate, { receivedMs, connection }: Exchange, nowMs: number): number | undefined {
  if (!gate.asksKernel(nowMs)) return undefined;
  if (nowMs !== receivedMs || !hasNative()) return 0;
  return sinceLastByteMs(descriptorOf(connection.socket)) ?? 0;
}
