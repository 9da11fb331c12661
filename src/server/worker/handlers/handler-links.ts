/**
 * A serving thread's links to the worker's handler threads. They are kept from the moment the acceptor sends them, and given to
 * the model when it connects to its pool.
 */

import type { MessagePort } from "node:worker_threads";
import { fromWire } from "../../../errors/errors.ts";
import type { HandlerSink, HandlerSource } from "../../models/model.ts";
import type { LinkEnd, PoolMemory } from "../../models/offload/shared/offload-protocol.ts";
import type { FromThread, ToThread } from "../serving/serving-protocol.ts";

/** A thread that asked for more handlers may ask again after this. */
const ASK_AGAIN_MS = 20;

export class HandlerLinks implements HandlerSource {
  memories: Readonly<Record<string, PoolMemory>> = {};
  readonly #links = new Map<string, Map<number, LinkEnd>>();
  readonly #sinks = new Map<string, HandlerSink>();
  readonly #askedMs = new Map<string, number>();
  readonly #tell: (message: FromThread) => void;

  constructor(port: MessagePort, tell: (message: FromThread) => void) {
    this.#tell = tell;
    port.on("message", (message: ToThread) => {
      if (message.type === "gates") this.memories = message.memories;
      else if (message.type === "handler") this.#add(message.pool, message.id, message.link);
      else if (message.type === "handler-gone") this.#remove(message.pool, message.id, fromWire(message.error));
    });
  }

  connect(pool: string, sink: HandlerSink): void {
    this.#sinks.set(pool, sink);
    for (const [id, link] of this.#links.get(pool) ?? []) sink.add(id, link);
  }

  wanted(pool: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#askedMs.get(pool) ?? -Infinity) < ASK_AGAIN_MS) return;
    this.#askedMs.set(pool, nowMs);
    this.#tell({ type: "want-handlers", pool });
  }

  kill(pool: string, id: number, why: string): void {
    this.#tell({ type: "kill-handler", pool, id, why });
  }

  #add(pool: string, id: number, link: LinkEnd): void {
    const links = this.#links.get(pool) ?? new Map<number, LinkEnd>();
    this.#links.set(pool, links.set(id, link));
    this.#sinks.get(pool)?.add(id, link);
  }

  #remove(pool: string, id: number, why: Error): void {
    this.#links.get(pool)?.delete(id);
    this.#sinks.get(pool)?.remove(id, why);
  }
}
