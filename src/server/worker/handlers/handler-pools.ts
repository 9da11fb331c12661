/**
 * All handler pools of a worker, and their links to its serving threads. Without a route on handler threads it is empty and
 * costs nothing.
 */

import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import type { PoolMemory, PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import type { DrainTimes } from "../serving/drain-times.ts";
import type { AppSocketRelay } from "../app-socket-relay.ts";
import type { WorkerRuntime } from "../runtime/worker-runtime.ts";
import { HandlerPool } from "./handler-pool.ts";
import type { ServingThreadHandle } from "../serving/serving-thread-handle.ts";
import type { DrainReason, ListenerAddress } from "../serving/serving-protocol.ts";

export interface HandlerPoolsOptions {
  readonly config: ServerConfig;
  readonly address: ListenerAddress;
  readonly log: Log;
  readonly sockets: AppSocketRelay;
  readonly runtime: WorkerRuntime;
  /** A pool can't have its minimum of threads any more. The end of the process would free their places. */
  readonly onShort: (why: string) => void;
}

export class HandlerPools {
  readonly #options: HandlerPoolsOptions;
  readonly #pools = new Map<string, HandlerPool>();
  readonly #serving = new Set<ServingThreadHandle>();
  #hasBooted = false;

  constructor(options: HandlerPoolsOptions) {
    this.#options = options;
  }

  get pools(): readonly HandlerPool[] {
    return [...this.#pools.values()];
  }

  /** Those whose threads are scheduler threads of the runtime. */
  get schedulers(): readonly HandlerPool[] {
    return this.pools.filter(({ role }) => role === "scheduler");
  }

  /** By pool. */
  memoriesFor(thread: ServingThreadHandle): Readonly<Record<string, PoolMemory>> {
    return Object.fromEntries(
      this.pools.map(({ spec, board, links }) => [spec.name, { board: board.buffer, line: links.line(thread) }]),
    );
  }

  /** Makes the pools that a serving thread's routes name. Those of one that is replaced may be others: its code has changed. */
  open(specs: readonly PoolSpec[]): void {
    const { config, address, log, sockets, runtime, onShort } = this.#options;
    for (const spec of specs) {
      if (this.#pools.has(spec.name)) continue;
      const pool = new HandlerPool({ spec, config, address, log, sockets, runtime });
      this.#pools.set(spec.name, pool);
      pool.on("added", (handler) => {
        for (const thread of this.#serving) thread.addHandler(spec.name, handler.id, pool.links.link(handler, thread));
      });
      pool.on("short", onShort);
      pool.on("removed", (id, why) => {
        for (const thread of this.#serving) thread.removeHandler(spec.name, id, why);
      });
      if (this.#hasBooted) pool.open();
    }
  }

  /** Resolves to the app's files as the handler threads loaded them. @throws HeddleError if a thread does not boot */
  async boot(): Promise<readonly string[]> {
    this.#hasBooted = true;
    const modules = await Promise.all(this.pools.map((pool) => pool.boot()));
    return modules.flat();
  }

  attach(thread: ServingThreadHandle): void {
    this.#serving.add(thread);
    thread.once("gone", () => {
      this.#serving.delete(thread);
      for (const { links } of this.pools) links.settle(thread);
    });
    thread.on("want-handlers", (name) => this.#pools.get(name)?.want());
    thread.on("kill-handler", (name, id, why) => this.#pools.get(name)?.kill(id, why));
    for (const { spec, handlers, links } of this.pools) {
      for (const handler of handlers) {
        if (handler.state === "ready") thread.addHandler(spec.name, handler.id, links.link(handler, thread));
      }
    }
  }

  drain(reason: DrainReason, times: DrainTimes): void {
    for (const pool of this.pools) pool.drain(reason, times);
  }

  /** Resolves to the number of threads that had to be killed. */
  async stop(deadlineMs: number): Promise<number> {
    const killed = await Promise.all(this.pools.map((pool) => pool.stop(deadlineMs)));
    return killed.reduce((sum, count) => sum + count, 0);
  }
}
