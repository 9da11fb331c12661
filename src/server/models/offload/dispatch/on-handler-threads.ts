/**
 * `threads`, `thread-per-request` and `tasks` on a serving thread: one pool client for each pool, made at the pool's first request.
 *
 * Under `tasks` a request is sent before its body has arrived, as a slow upload holds no thread there.
 */

import { Board } from "../shared/pool-board.ts";
import { PoolClient } from "./pool-client.ts";
import type { PoolSpec } from "../shared/offload-protocol.ts";
import { Uploads } from "./uploads.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import type { ModelHost, RunningModel } from "../../model.ts";

interface Pool {
  readonly client: PoolClient;
  /** undefined: a request need not wait for its body. */
  readonly uploads: Uploads | undefined;
}

export class OnHandlerThreads implements RunningModel {
  readonly #host: ModelHost;
  readonly #pools = new Map<string, Pool>();

  constructor(host: ModelHost) {
    this.#host = host;
  }

  execute(exchange: HandledExchange): void {
    const pool = exchange.route.pool!;
    let entry = this.#pools.get(pool.name);
    if (entry === undefined) this.#pools.set(pool.name, (entry = this.#open(pool)));
    const { client, uploads } = entry;
    if (exchange.body === undefined || uploads === undefined) client.submit(exchange);
    else uploads.collect(exchange, () => client.submit(exchange));
  }

  sweep(nowMs: number): void {
    for (const { client, uploads } of this.#pools.values()) {
      uploads?.sweep(nowMs);
      client.sweep(nowMs);
    }
  }

  readonly upgrade: RunningModel["upgrade"] = (_req, socket) => this.#host.refuseUpgrade(socket);

  #open({ name, model }: PoolSpec): Pool {
    const { uploadPlaces, handlers, config, cpus, failed, misframed, shed } = this.#host;
    const memory = handlers.memories[name]!;
    const client = new PoolClient({
      board: new Board(memory.board),
      line: memory.line,
      model,
      spread: cpus,
      loopLimitMs: config.timeoutMs,
      queue: config.queue,
      queueTimeoutMs: config.queueTimeoutMs,
      serverTiming: config.serverTiming,
      wanted: () => handlers.wanted(name),
      kill: (id, why) => handlers.kill(name, id, why),
      failed,
      misframed,
      shed,
    });
    handlers.connect(name, client);
    if (model === "tasks") return { client, uploads: undefined };
    const { bodyBufferBytes: bufferBytes, bodyMemoryBytes: memoryBytes } = config;
    const uploads = new Uploads({ bufferBytes, memoryBytes, places: uploadPlaces(name), shed });
    return { client, uploads };
  }
}
