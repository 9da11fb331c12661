/**
 * # design: threads
 * The handler runs on one of M handler threads of the worker, one request at a time on each: it may block, wait
 * synchronously or compute, and holds up nobody but itself. Requests wait in one queue for whichever thread is free
 * next; the client's connection stays on its serving thread and is never tied to a busy handler.
 *
 * # design: thread-per-request
 * The same, with a thread that ends after its one request: its module state is new each time, and whatever the handler
 * did to its isolate ends with it. A few threads are kept ready, so that a request does not wait for one to start.
 */

import { Board } from "./handlers/board.ts";
import { PoolClient } from "./handlers/pool-client.ts";
import type { PoolSpec } from "./handlers/protocol.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Model, ModelHost, RunningModel } from "./model.ts";

export const threads: Model = {
  name: "threads",
  capabilities: { upgrades: false },
  start: (host) => new RunningOnThreads(host),
};

export const threadPerRequest: Model = {
  name: "thread-per-request",
  capabilities: { upgrades: false },
  start: (host) => new RunningOnThreads(host),
};

class RunningOnThreads implements RunningModel {
  readonly #host: ModelHost;
  readonly #pools = new Map<string, PoolClient>();

  constructor(host: ModelHost) {
    this.#host = host;
  }

  execute(exchange: Exchange): void {
    const pool = exchange.route.pool!;
    let client = this.#pools.get(pool.name);
    if (client === undefined) this.#pools.set(pool.name, (client = this.#open(pool)));
    client.submit(exchange);
  }

  sweep(nowMs: number): void {
    for (const pool of this.#pools.values()) pool.sweep(nowMs);
  }

  readonly upgrade: RunningModel["upgrade"] = (_req, socket) => this.#host.refuseUpgrade(socket);

  #open({ name, model }: PoolSpec): PoolClient {
    const { handlers, config, cpus, failed, shed } = this.#host;
    const client = new PoolClient({
      board: new Board(handlers.boards[name]),
      onceOnly: model === "thread-per-request",
      spread: cpus,
      queue: config.queue,
      queueTimeoutMs: config.queueTimeoutMs,
      serverTiming: config.serverTiming,
      wanted: () => handlers.wanted(name),
      kill: (id, why) => handlers.kill(name, id, why),
      failed,
      shed,
    });
    handlers.connect(name, client);
    return client;
  }
}
