/**
 * # design: sync
 * One request at a time for each worker, on its only serving thread. A handler may compute or block as long as it likes, and
 * delays nobody, because the thread has no other request. The number of workers limits how many run at once.
 *
 * The handler runs as under `loop`. Three parts keep it alone. The arbiter gives a worker its next connection only when it has
 * none (`server/arbiter/accept/idle-workers.ts`). Every response ends its connection (`config/model-rules.ts`). And this file
 * waits for the handler's promise before the next turn (`whenIdle`), because a handler may outlive its connection, for example
 * when its client has left. A function that is not async can't show when all it began is done.
 *
 * The whole server runs under it, not single routes, and no connection may outlive its request: an upgrade would keep the
 * worker from all other clients.
 */

import type { Duplex } from "node:stream";
import type { IncomingMessage } from "node:http";
import type { HandledExchange } from "./handled-exchange.ts";
import { runHere } from "./loop.ts";
import type { Model, ModelHost, RunningModel, StartModel } from "./model.ts";

/** Time that a handler gets to stop after its signal told it to, as on handler threads. */
const LAST_MS = 2000;

export const sync: Model = {
  name: "sync",
  capabilities: { upgrades: false },
  load: async () => start,
};

const start: StartModel = (host) => new RunningSync(host);

class RunningSync implements RunningModel {
  readonly #host: ModelHost;
  /** The exchange whose handler has not settled. */
  #running: HandledExchange | undefined;
  /** The next turn. It waits for that handler. */
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
    // After its time the handler runs on beside the next one: nothing can end it, and the other clients have waited enough.
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
