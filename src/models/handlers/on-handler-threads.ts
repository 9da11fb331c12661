/** `threads` and `thread-per-request` on a serving thread: a pool's client for each pool that a route uses, from its first request on. */

import { Board } from "./board.ts";
import { PoolClient } from "./pool-client.ts";
import type { PoolSpec } from "./protocol.ts";
import type { Exchange } from "../../pipeline/exchange.ts";
import type { ModelHost, RunningModel } from "../model.ts";

export class OnHandlerThreads implements RunningModel {
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
