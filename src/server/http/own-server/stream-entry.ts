/**
 * How a request of an HTTP/2 session (streams.ts) enters the pipeline, and how it is executed. Its requests have no order among each
 * other, and no answer ends the connection.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { connectionContext } from "../parse/connection-context.ts";
import { decorateStream } from "../respond/headers.ts";
import type { Router } from "../route/router.ts";
import { StreamExchange, type StreamHead } from "./stream-exchange.ts";
import { inspectStreamHead, StreamBody } from "./stream-limits.ts";

export interface StreamEntryOptions {
  readonly config: ServerConfig;
  readonly router: Router;
  readonly row: LoadRow;
  readonly thread: number;
  readonly decorates: boolean;
  /** It is in the thread's list from now on. */
  readonly begun: (exchange: StreamExchange) => void;
  readonly admit: (exchange: StreamExchange, nowMs: number) => void;
  readonly ended: (exchange: StreamExchange) => void;
  readonly failed: (exchange: StreamExchange, error: unknown) => void;
}

export class StreamEntry {
  readonly #options: StreamEntryOptions;

  constructor(options: StreamEntryOptions) {
    this.#options = options;
  }

  readonly handle = (head: StreamHead, socket: Socket, run: StreamExchange["run"]): void => {
    const { config, router, row, thread, decorates, begun, admit, ended } = this.#options;
    const nowMs = performance.now();
    const form = inspectStreamHead(head, config);
    const { ":method": method = "", ":path": path = "" } = head.headers;
    // A path that is refused needs no route, and may be none.
    const route = form === "BAD_REQUEST" ? router.fallback : router.match(method, path);
    const exchange = new StreamExchange(head, route, socket, nowMs, run);
    const { connection, stream } = exchange;
    row.counters[COUNTER.started]!++;
    connection.current = exchange;
    connection.active = 1;
    exchange.hasBegun = true;
    begun(exchange);
    stream.once("close", () => ended(exchange));
    if (decorates) decorateStream(exchange, config, thread);
    if (form === "body") exchange.body = this.#guard(exchange, nowMs);
    else if (form !== "no-body") return exchange.refuse(form);
    connectionContext.run(connection, () => admit(exchange, nowMs));
  };

  /** As the model `loop` does: no other serves HTTP/2 (models/own-servers.ts). */
  execute(exchange: StreamExchange): void {
    const failed = (error: unknown): void => this.#options.failed(exchange, error);
    try {
      void exchange.run(exchange)?.then(undefined, failed);
      void exchange.handling?.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #guard(exchange: StreamExchange, nowMs: number): StreamBody {
    return new StreamBody(exchange.stream, this.#options.config, nowMs, {
      onTooLarge: () => exchange.refuse("BODY_TOO_LARGE", "the request's body is larger than the limit"),
      onComplete: () => {},
    });
  }
}
