/**
 * Writes one line on standard output for each request that ended. Queue time and handler time are apart: their sum hides
 * which of the two to act on (more threads, or a faster handler).
 *
 * Lines are buffered and flushed within FLUSH_MS. A killed process loses what it had not flushed.
 */

import type { ServerConfig } from "../../config/config.ts";
import { createLog, type Log } from "../../log/log.ts";
import type { SocketRecord } from "../sockets/socket-host.ts";
import type { Exchange } from "./exchange.ts";

/** Long enough to batch thousands of lines under load, short enough for a person who watches the log. */
const FLUSH_MS = 100;
const BUFFER_BYTES = 8 * 1024;

export class AccessLog {
  readonly #log: Log;
  readonly #thread: number;

  constructor(config: ServerConfig, thread: number) {
    this.#log = createLog({ format: config.logFormat, level: "info", fd: 1, bufferBytes: BUFFER_BYTES });
    this.#thread = thread;
    setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  write(exchange: Exchange, nowMs: number, complete: boolean): void {
    const { req, res } = exchange;
    this.#log.info(
      {
        id: exchange.id,
        method: req.method,
        url: req.url,
        status: res.headersSent ? res.statusCode : 499,
        route: exchange.route.name,
        model: exchange.route.model,
        queueMs: round(exchange.executedMs - exchange.receivedMs),
        handlerMs: round(nowMs - exchange.executedMs),
        thread: this.#thread,
        ...(exchange.refusal === undefined ? {} : { refusal: exchange.refusal }),
        ...(complete ? {} : { clientGone: true }),
      },
      "request",
    );
  }

  /** A WebSocket that is an actor: one line, when it has ended. */
  writeSocket({ socket, ...request }: SocketRecord): void {
    this.#log.info({ ...request, method: "GET", model: "actors", thread: this.#thread, ...socket }, "websocket");
  }

  flush(): void {
    this.#log.flush();
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
