/**
 * One request that runs on a handler thread, on the side of its serving thread. Its body is sent there, and its response comes
 * back as exactly the bytes for the client.
 *
 * The handler's own ServerResponse writes the head and the framing. So all that node:http does for an app (chunks, trailers,
 * early hints, HEAD, 1xx) happens there, unchanged. Here the bytes pass through the connection's ServerResponse, with its head
 * declared as written. That keeps pipelined responses in order, counts backpressure, and closes or keeps the connection as
 * for any other response.
 *
 * Rejected: sending status, headers and chunks separately and writing them here again. On this thread, which all handlers
 * share, that costs as much as running a short handler.
 */

import type { ServerResponse } from "node:http";
import { monotonicMs } from "../../../../kit/clock.ts";
import { clientTlsOf } from "../../../../platform/client-tls.ts";
import { markRead } from "../../../../platform/node-internals/requests.ts";
import {
  declareHead,
  endConnectionWith,
  keepsConnection,
  markContinued,
  writeRaw,
} from "../../../../platform/node-internals/responses.ts";
import { sayingClose } from "../../../app/last-answer-head.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import type { Abort, FromHandler, Job, Part, ToHandler } from "../shared/offload-protocol.ts";

/** `transfer`: memory that moves with the message instead of being copied. */
export type Post = (message: ToHandler, transfer?: readonly ArrayBuffer[]) => void;

/** A chunk this large is transferred, not copied. */
const TRANSFER_BYTES = 16 * 1024;

export class RemoteJob {
  readonly exchange: HandledExchange;
  /** performance.now() when it came to its pool. Before that, its body may have taken any time to arrive. */
  readonly submittedMs: number = performance.now();
  /** Set when it is sent to a handler thread, and again after a recall. */
  seq = -1;
  sentMs = 0;
  /** monotonicMs() when it began, as soon as this thread knows. */
  startedMs: number | undefined;
  /** Sent ahead: it waits behind another job, and still counts as waiting. */
  ahead = false;
  /** When the handler was told to stop. 0: it was not. */
  toldMs = 0;
  /** Others run beside it on its thread: its thread is not killed for it alone. */
  isBeside = false;
  /** The handler's thread got that message, so its loop turns. */
  heard = false;
  #post: Post | undefined;
  #begun = false;
  #bodyWired = false;
  /** Bytes of the response that were written, but not yet credited to the handler. */
  #owedBytes = 0;
  #waitsForDrain = false;

  constructor(exchange: HandledExchange) {
    this.exchange = exchange;
  }

  describe(seq: number, serverTiming: boolean): Job {
    const { req, res, expects, body, receivedMs, route } = this.exchange;
    const { socket } = req;
    const headers = res.getHeaderNames().map((name) => [name, String(res.getHeader(name))] as const);
    return {
      seq,
      method: req.method!,
      url: req.url!,
      httpVersionMinor: req.httpVersionMinor,
      rawHeaders: req.rawHeaders,
      hasBody: body !== undefined,
      ahead: this.ahead,
      expects,
      keepsAlive: keepsConnection(res),
      headers,
      timedFromMs: serverTiming ? monotonicMs() - (performance.now() - receivedMs) : undefined,
      endpoints: {
        remoteAddress: socket.remoteAddress,
        remotePort: socket.remotePort,
        remoteFamily: socket.remoteFamily,
        localAddress: socket.localAddress,
        localPort: socket.localPort,
        tls: clientTlsOf(socket),
      },
      route: route.name,
      timeoutMs: route.timeoutMs,
    };
  }

  sent(seq: number, nowMs: number, post: Post): void {
    this.seq = seq;
    this.sentMs = nowMs;
    this.#post = post;
    const { exchange } = this;
    exchange.isReadElsewhere = true;
    // Otherwise node:http drops the body at the end of the response, before the handler's request for it has come.
    if (exchange.body !== undefined) markRead(exchange.req);
    if (exchange.abortReason !== undefined) this.abort();
  }

  /** Tells the handler that its client left, that its time is over, or that a drain cancelled it. */
  abort(): void {
    const reason = this.exchange.abortReason;
    if (this.#post === undefined || reason === undefined) return;
    if (this.toldMs === 0 && this.exchange.aborted) this.toldMs = monotonicMs();
    this.#tellAbort(reason.name as Abort["name"], reason.message, this.exchange.refusal);
  }

  #tellAbort(name: Abort["name"], message: string, refusal: Abort["refusal"]): void {
    this.#post?.({ type: "abort", seq: this.seq, abort: { name, message, refusal } });
  }

  /** The handler wants more of the body. */
  pull(): void {
    const { exchange } = this;
    const { req } = exchange;
    if (!this.#bodyWired) {
      this.#bodyWired = true;
      req.on("data", this.#forward);
      req.once("end", () => {
        this.#post?.({ type: "body-end", seq: this.seq, rawTrailers: req.rawTrailers });
      });
      // A broken body ends the exchange, and that ends the handler's body. After the response, only this message does.
      req.on("error", () => {
        if (exchange.state === "ended") this.#tellAbort("AbortError", "the body broke off", "BODY_TIMEOUT");
      });
    }
    req.resume();
  }

  /** The handler reads a body that has not ended. */
  get isReading(): boolean {
    return this.#bodyWired && !this.exchange.req.complete && !this.exchange.connection.stream.destroyed;
  }

  /** The handler is done, and reads no more of the body. */
  over(): void {
    const { exchange } = this;
    exchange.onAbort = undefined;
    exchange.isReadElsewhere = false;
    if (exchange.req.complete) return;
    exchange.req.off("data", this.#forward);
    // The response is out: the connection waits only for the rest of the body. Before that, the end of the exchange drops it.
    if (exchange.state === "ended") exchange.req.resume();
  }

  readonly #forward = (chunk: Buffer): void => {
    this.exchange.req.pause();
    // Always a copy: the chunk is a view into the memory that the connection reads into.
    const own = new Uint8Array(chunk);
    const transfer = own.byteLength >= TRANSFER_BYTES ? [own.buffer] : undefined;
    this.#post?.({ type: "body", seq: this.seq, chunk: own }, transfer);
  };

  /** Bytes of the response. */
  write(message: FromHandler & { type: "write" }): void {
    const { exchange } = this;
    const { res } = exchange;
    if (exchange.refusal !== undefined || res.destroyed || res.writableEnded) return;
    if (message.kind === "informational") {
      for (const part of message.parts) writeRaw(res, part, message.encoding);
      if (message.status === 100) markContinued(res);
      return;
    }
    let { parts } = message;
    if (!this.#begun) parts = this.#begin(res, message);
    else if (!message.keepsAlive) this.#endConnection(res);
    const last = message.ends ? parts.length - 1 : parts.length;
    let flowing = true;
    for (let i = 0; i < last; i++) flowing = res.write(parts[i]!, message.encoding);
    if (message.ends) {
      const end = parts[last];
      if (end === undefined) res.end();
      else res.end(end, message.encoding);
      return;
    }
    this.#owedBytes += sizeOf(parts);
    if (flowing) this.#credit();
    else if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      res.once("drain", () => this.#credit());
    }
  }

  /** The client has taken all that was written. */
  #credit(): void {
    this.#waitsForDrain = false;
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    this.#post?.({ type: "credit", seq: this.seq, bytes });
  }

  /** The connection ends with this response: known from the start, or decided while it was written. */
  #endConnection(res: ServerResponse): void {
    endConnectionWith(res);
    this.exchange.connection.closing = true;
  }

  #begin(res: ServerResponse, message: FromHandler & { type: "write" }): readonly Part[] {
    this.#begun = true;
    // Not `connection.closing`: a later request on the connection may be its last.
    const keepsAlive = message.keepsAlive && keepsConnection(res);
    res.statusCode = message.status;
    // The handler thread wrote the head, perhaps followed by a part of the body.
    declareHead(res, String(message.parts[0]));
    if (!keepsAlive) this.#endConnection(res);
    return message.keepsAlive && !keepsAlive ? withoutKeepAlive(message.parts) : message.parts;
  }
}

/** The connection began to drain while the handler ran, so its client is told not to use it again. */
function withoutKeepAlive(parts: readonly Part[]): readonly Part[] {
  const [first, ...rest] = parts;
  return typeof first === "string" ? [sayingClose(first), ...rest] : parts;
}

export function sizeOf(parts: readonly Part[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
