/**
 * One request that runs on a handler thread, seen from its serving thread: its body goes there, its response comes back
 * as the very bytes the client gets.
 *
 * The handler's own ServerResponse writes the head and the framing, so all that node:http does for an app (chunks,
 * trailers, early hints, HEAD, 1xx) happens there, unchanged. Here the bytes pass through the connection's ServerResponse, whose
 * head is declared written: that keeps pipelined responses in order, counts backpressure, and closes or keeps the
 * connection as for any other response.
 *
 * Rejected: sending status, headers and chunks apart and writing them here once more. It costs this thread, which all
 * handlers share, as much as running a short handler.
 */

import type { ServerResponse } from "node:http";
import { monotonicMs } from "../../../../kit/clock.ts";
import { markRead } from "../../../../platform/node-internals/requests.ts";
import {
  declareHead,
  endConnectionWith,
  keepsConnection,
  markContinued,
  writeRaw,
} from "../../../../platform/node-internals/responses.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import type { Abort, FromHandler, Job, Part, ToHandler } from "../shared/offload-protocol.ts";

/** `transfer`: memory that moves with the message instead of being copied. */
export type Post = (message: ToHandler, transfer?: readonly ArrayBuffer[]) => void;

/** A chunk this large is handed over rather than copied. */
const TRANSFER_BYTES = 16 * 1024;

export class RemoteJob {
  readonly exchange: HandledExchange;
  /** Set when it is sent to a handler thread, and anew after a recall. */
  seq = -1;
  sentMs = 0;
  /** Sent to lie ready behind another one, and so waiting still. */
  ahead = false;
  /** When the handler was told to stop; 0: it was not. */
  toldMs = 0;
  /** It heard, so its loop turns. */
  heard = false;
  #post: Post | undefined;
  #begun = false;
  #bodyWired = false;
  /** Of the response: written, and not credited to the handler. */
  #owedBytes = 0;
  #waitsForDrain = false;

  constructor(exchange: HandledExchange) {
    this.exchange = exchange;
  }

  describe(seq: number, serverTiming: boolean): Job {
    const { req, res, expects, body, receivedMs } = this.exchange;
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
        encrypted: "encrypted" in socket,
      },
    };
  }

  sent(seq: number, nowMs: number, post: Post): void {
    this.seq = seq;
    this.sentMs = nowMs;
    this.#post = post;
    const { exchange } = this;
    exchange.isReadElsewhere = true;
    // Else node:http drops the body with the end of the response, before the handler's wish for it has come.
    if (exchange.body !== undefined) markRead(exchange.req);
    if (exchange.abortReason !== undefined) this.abort();
  }

  /** Tells the handler that its client is gone, that its time is over, or that it is called off. */
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
      // A body that breaks off ends the exchange, and with it the handler's view of the body. After the response only this tells.
      req.on("error", () => {
        if (exchange.state === "ended") this.#tellAbort("AbortError", "the body broke off", "BODY_TIMEOUT");
      });
    }
    req.resume();
  }

  /** The handler reads a body that has not come to its end. */
  get isReading(): boolean {
    return this.#bodyWired && !this.exchange.req.complete && !this.exchange.connection.stream.destroyed;
  }

  /** The handler is done, and reads nothing more of the body. */
  over(): void {
    const { exchange } = this;
    exchange.onAbort = undefined;
    exchange.isReadElsewhere = false;
    if (!exchange.req.complete) exchange.req.off("data", this.#forward);
  }

  readonly #forward = (chunk: Buffer): void => {
    this.exchange.req.pause();
    // A copy always: the chunk is a view into the memory that the connection reads into.
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

  /** It ends with this response, as was known from the beginning or turned out when it was written. */
  #endConnection(res: ServerResponse): void {
    endConnectionWith(res);
    this.exchange.connection.closing = true;
  }

  #begin(res: ServerResponse, message: FromHandler & { type: "write" }): readonly Part[] {
    this.#begun = true;
    // Not the connection's word: a request behind this one may be the last.
    const keepsAlive = message.keepsAlive && keepsConnection(res);
    res.statusCode = message.status;
    // Written by the handler thread; perhaps with some of the body behind it.
    declareHead(res, String(message.parts[0]));
    if (!keepsAlive) this.#endConnection(res);
    return message.keepsAlive && !keepsAlive ? withoutKeepAlive(message.parts) : message.parts;
  }
}

/** The connection began to drain while the handler ran: its client is told not to use it again. */
function withoutKeepAlive(parts: readonly Part[]): readonly Part[] {
  const [first, ...rest] = parts;
  if (typeof first !== "string") return parts;
  const headEnd = first.indexOf("\r\n\r\n");
  const head = first.slice(0, headEnd);
  const closing = head
    .replace(/^connection: keep-alive$/im, "Connection: close")
    .replace(/\r\nkeep-alive: [^\r]*/i, "");
  return [closing + first.slice(headEnd), ...rest];
}

export function sizeOf(parts: readonly Part[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
