/**
 * # design: sync
 * One request at a time for each worker, on its only serving thread: a handler may compute or block as long as it likes
 * and holds up nobody, because nobody else is there. How many run at once is the number of workers.
 *
 * The handler is run as `loop` runs it. That it is alone is the arbiter's doing, which gives a worker its next connection when it
 * has none (`server/arbiter/accept/idle-workers.ts`), and every response ends its connection (`config/model-rules.ts`); and
 * this file's, for a handler may go on when its connection has ended, because its client has left for instance: the next turn
 * begins when its function has settled (`whenIdle`). A function that is not async tells nobody when it has done all it began.
 *
 * It is a model of servers, not of routes, and no connection may outlive its request: an upgrade would keep the worker
 * from everybody else.
 */

import type { Duplex } from "node:stream";
import type { IncomingMessage } from "node:http";
import type { HandledExchange } from "./handled-exchange.ts";
import { runHere } from "./loop.ts";
import type { Model, ModelHost, RunningModel, StartModel } from "./model.ts";

/** A handler that was told to stop, by its signal, has so long to do it, as on handler threads. */
const LAST_MS = 2000;

export const sync: Model = {
  name: "sync",
  capabilities: { upgrades: false },
  load: async () => start,
};

const start: StartModel = (host) => new RunningSync(host);

class RunningSync implements RunningModel {
  readonly #host: ModelHost;
  /** Whose handler has not settled. */
  #running: HandledExchange | undefined;
  /** The next turn, which waits for it. */
  #next: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: ModelHost) {
    this.#host = host;
  }

  execute(exchange: HandledExchange): void {
    const outcome = runHere(this.#host, exchange);
    if (outcome === undefined) return;
    this.#running = exchange;
    void outcome.then(() => this.#settled(exchange));
  }

  whenIdle(next: () => void): void {
    const running = this.#running;
    if (running === undefined) return next();
    this.#next = next;
    const { timeoutMs } = running.route;
    // Beyond its time it goes on beside the next one: nothing can end it, and the others have waited long enough.
    if (timeoutMs === 0) return;
    const leftMs = running.executedMs + timeoutMs - performance.now();
    this.#timer = setTimeout(() => this.#settled(running), Math.max(LAST_MS, leftMs));
  }

  #settled(exchange: HandledExchange): void {
    if (this.#running !== exchange) return;
    this.#running = undefined;
    clearTimeout(this.#timer);
    const next = this.#next;
    this.#next = undefined;
    next?.();
  }

  upgrade(_req: IncomingMessage, socket: Duplex): void {
    this.#host.refuseUpgrade(socket);
  }
}
