/**
 * Limits of a request: checked once on the parsed head, before the gate, and again while its body arrives.
 *
 * node:http's parser (llhttp, always strict here) already refuses malformed heads, bare CR/LF, obs-fold, CL + TE
 * together and a chunk extension without end. `connection.ts` turns its errors into responses. This file refuses what
 * the parser accepts: too many headers (its own limit truncates silently, which hides headers from the app: a
 * smuggling risk), transfer codings other than one final `chunked` (RFC 9112 §6.1), no host, two hosts or an invalid one
 * (`authority.ts`), targets that are neither a path nor another valid form (`target.ts`), another HTTP version,
 * long request lines, large or stalled bodies, and bodies that are mostly framing.
 *
 * Invariant: a request without a body costs one pass over its header names and allocates nothing.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { getDefaultHighWaterMark } from "node:stream";
import type { ErrorCode } from "../../../errors/errors.ts";
import { http } from "../../../platform/http.ts";
import { replacePush, setBufferBytes } from "../../../platform/node-internals/requests.ts";
import type { ArrivingBody } from "../../models/handled-exchange.ts";
import { isAuthority } from "./authority.ts";
import { settleTarget } from "./target.ts";

export interface RequestLimits {
  readonly requestLineBytes: number;
  readonly headerCount: number;
  readonly bodyBytes: number;
  readonly bodyIdleTimeoutMs: number;
  /** Bytes per second, averaged over the time spent waiting for the client. */
  readonly bodyMinRateBytes: number;
}

/** What the head says about the body, or why the request is refused. */
export type Head = "no-body" | "body" | ErrorCode;

const SLASH = 0x2f;

/** A target that is a whole URL becomes a path (`target.ts`). */
export function inspectHead(req: IncomingMessage, limits: RequestLimits): Head {
  const { rawHeaders } = req;
  if (limits.headerCount > 0 && rawHeaders.length > limits.headerCount * 2) return "TOO_MANY_HEADERS";
  // Method, two spaces and "HTTP/1.1" belong to the line as well.
  if (req.url!.length + req.method!.length + 10 > limits.requestLineBytes) return "REQUEST_LINE_TOO_LONG";
  // A front proxy and heddle might read an HTTP/1-framed HTTP/2 request differently.
  if (req.httpVersionMajor !== 1) return "BAD_REQUEST";
  const target = req.url!;
  // The parser accepts a fragment, but no valid target has one.
  if (target.includes("#")) return "BAD_REQUEST";
  let body: Head = "no-body";
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") {
          hosts++;
          const value = rawHeaders[i + 1]!;
          // A client that knows no host name sends an empty value (RFC 9112 §3.2).
          if (value !== "" && !isAuthority(value)) return "BAD_REQUEST";
        }
        break;
      case 14:
        if (name.toLowerCase() === "content-length") {
          const bytes = Number(rawHeaders[i + 1]);
          if (limits.bodyBytes > 0 && bytes > limits.bodyBytes) return "BODY_TOO_LARGE";
          if (bytes > 0) body = "body";
        }
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") {
          if (req.httpVersionMinor === 0) return "BAD_REQUEST";
          if (rawHeaders[i + 1]!.trim().toLowerCase() !== "chunked") return "FRAMING_UNSUPPORTED";
          body = "body";
        }
        break;
    }
  }
  // RFC 9112 §3.2: HTTP/1.1 must name its host, and no request may name two.
  if (hosts !== 1 && (hosts !== 0 || req.httpVersionMinor !== 0)) return "BAD_REQUEST";
  return target.charCodeAt(0) === SLASH || settleTarget(req) ? body : "BAD_REQUEST";
}

/**
 * `arriving`: the client sends, or we wait for it. `unread`: the app does not read what has arrived, so the time counts as
 * the handler's.
 */
export type BodyState = "arriving" | "unread" | "complete" | ErrorCode;

/** Chunk sizes, extensions and line ends may take this much in all, plus FRAMING_PER_BYTE for each byte of the body itself. */
export const FRAMING_BYTES: number = 16 * 1024;
const FRAMING_PER_BYTE = 16;

export interface BodyEvents {
  /** Called once, synchronously. The excess never reaches the app. */
  readonly onTooLarge: () => void;
  /** The whole body has arrived. */
  readonly onComplete: () => void;
}

/** A body that `deadlines.ts` judges. */
export interface TimedBody extends ArrivingBody {
  /** When a sweep last waited for the client. The handler's time counts from here. */
  readonly arrivingUntilMs: number;
  /** Judges the time since the last sweep. `asked`: false while the client still waits for `100 Continue`. */
  sweep(nowMs: number, asked: boolean): BodyState;
}

/**
 * Counts a body as the parser delivers it, without changing how the app reads it. Time in which the app does not read is not
 * the client's fault, and does not count.
 */
export class BodyGuard implements TimedBody {
  readonly #req: IncomingMessage;
  /** Held here: `stream.pipeline` and a loop that is left early take a request's socket away. */
  readonly #socket: Pick<Socket, "bytesRead">;
  readonly #limits: RequestLimits;
  /** What the connection had received when the body began. */
  readonly #receivedBytes: number;
  #bytes = 0;
  #onArrival: (() => void) | undefined;
  #sweptBytes = 0;
  #waitedMs = 0;
  #idleSinceMs: number;
  #sweptMs: number;
  /** When a sweep last waited for the client. The handler's time counts from here. */
  arrivingUntilMs: number;

  constructor(req: IncomingMessage, limits: RequestLimits, nowMs: number, events: BodyEvents) {
    this.#req = req;
    this.#socket = req.socket;
    this.#limits = limits;
    this.#receivedBytes = req.socket.bytesRead;
    this.#idleSinceMs = nowMs;
    this.#sweptMs = nowMs;
    this.arrivingUntilMs = nowMs;
    let refused = false;
    replacePush(req, (chunk, encoding) => {
      // The parser goes on to the end of the body. The app must not see that end: it would take its part for the whole.
      if (refused) return true;
      if (chunk instanceof Uint8Array) {
        this.#bytes += chunk.byteLength;
        if (limits.bodyBytes > 0 && this.#bytes > limits.bodyBytes) {
          refused = true;
          events.onTooLarge();
          return true;
        }
      } else if (chunk === null) {
        events.onComplete();
      }
      const wantsMore = http.IncomingMessage.prototype.push.call(req, chunk, encoding);
      this.#onArrival?.();
      return wantsMore;
    });
  }

  /** Bytes that have arrived. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether its request's buffer is full. */
  get isFull(): boolean {
    return this.#req.readableLength >= this.#req.readableHighWaterMark;
  }

  /** Until `handOver`, nobody reads the body. Its request buffers `bufferBytes` of it, or its own default if that is more. */
  collect(bufferBytes: number, onArrival: () => void): void {
    this.#onArrival = onArrival;
    setBufferBytes(this.#req, Math.max(bufferBytes, this.#req.readableHighWaterMark));
    // It may have been held back while it waited for its turn, because the buffer was smaller then.
    this.#req.read(0);
  }

  /** From now on the app may read it. */
  handOver(): void {
    this.#onArrival = undefined;
    setBufferBytes(this.#req, getDefaultHighWaterMark(false));
  }

  /** Judges the time since the last sweep. `asked`: false while the client still waits for `100 Continue`. */
  sweep(nowMs: number, asked: boolean): BodyState {
    const elapsedMs = nowMs - this.#sweptMs;
    const progressed = this.#bytes > this.#sweptBytes;
    this.#sweptMs = nowMs;
    this.#sweptBytes = this.#bytes;
    if (this.#req.complete) return "complete";
    const { readableLength, destroyed } = this.#req;
    const isHeldBack = this.#onArrival === undefined ? readableLength > 0 : this.isFull;
    const unread = isHeldBack || destroyed || (!asked && this.#bytes === 0);
    if (progressed || unread) this.#idleSinceMs = nowMs;
    if (!unread) this.#waitedMs += elapsedMs;
    else if (!progressed) return "unread";
    this.arrivingUntilMs = nowMs;
    const framingBytes = this.#socket.bytesRead - this.#receivedBytes - this.#bytes;
    if (framingBytes > FRAMING_BYTES + FRAMING_PER_BYTE * this.#bytes) return "BODY_TOO_LARGE";
    const { bodyIdleTimeoutMs, bodyMinRateBytes } = this.#limits;
    if (bodyIdleTimeoutMs === 0) return "arriving";
    if (nowMs - this.#idleSinceMs > bodyIdleTimeoutMs) return "BODY_TIMEOUT";
    const tooSlow = this.#bytes < (bodyMinRateBytes * this.#waitedMs) / 1000;
    return tooSlow && this.#waitedMs > bodyIdleTimeoutMs ? "BODY_TIMEOUT" : "arriving";
  }
}
