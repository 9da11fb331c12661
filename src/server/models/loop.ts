/**
 * # design: loop
 * The handler runs on the connection's own serving thread, as in plain Node. Any number run at once; each yields when it
 * awaits. A handler that computes or blocks delays everything on its thread. The acceptor's watchdog then names it, and new
 * connections go to other threads meanwhile.
 */

import type { HandledExchange } from "./handled-exchange.ts";
import type { Model, ModelHost, RunningModel, StartModel } from "./model.ts";

export const loop: Model = {
  name: "loop",
  capabilities: { upgrades: true },
  load: async () => startLoop,
};

export const startLoop: StartModel = (host) => new RunningLoop(host);

/** Runs the handler on this thread. The returned promise settles when an async handler has, and never rejects. */
export function runHere(host: ModelHost, exchange: HandledExchange): Promise<void> | undefined {
  const { app } = host;
  try {
    const { req, res, expects } = exchange;
    const outcome = expects === undefined ? app.request(req, res) : app.expect(expects, req, res);
    return outcome?.then(undefined, (error: unknown) => host.failed(exchange, error));
  } catch (error) {
    host.failed(exchange, error);
    return undefined;
  }
}

class RunningLoop implements RunningModel {
  readonly #host: ModelHost;

  constructor(host: ModelHost) {
    this.#host = host;
  }

  execute(exchange: HandledExchange): void {
    void runHere(this.#host, exchange);
  }

  readonly upgrade: RunningModel["upgrade"] = (req, socket, head) => this.#host.app.upgrade(req, socket, head);
}
