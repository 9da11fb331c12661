/**
 * # design: sync
 * One request at a time for each worker, on its only serving thread: a handler may compute or block as long as it likes
 * and holds up nobody, because nobody else is there. How many run at once is the number of workers.
 *
 * The handler is run as `loop` runs it. That it is alone is not this file's doing: the arbiter gives a worker its next
 * connection when it has none (`arbiter/turns.ts`), and every response ends its connection (`config/model-rules.ts`).
 * For that reason it is a model of servers, not of routes, and no connection may outlive its request: an upgrade would
 * keep the worker from everybody else.
 */

import { startLoop } from "./loop.ts";
import type { Model, StartModel } from "./model.ts";

export const sync: Model = {
  name: "sync",
  capabilities: { upgrades: false },
  load: async () => start,
};

const start: StartModel = (host) => {
  const alone = startLoop(host);
  return {
    execute: (exchange) => alone.execute(exchange),
    upgrade: (_req, socket) => host.refuseUpgrade(socket),
  };
};
