/**
 * What a request may be: checked once, on the parsed head, before the gate; and while its body arrives.
 *
 * node:http's parser (llhttp, always strict here) already refuses malformed heads, bare CR/LF, obs-fold, CL + TE
 * together and endless chunk extensions; `connection.ts` turns its errors into responses. This file refuses what the
 * parser lets through: too many headers (its own limit truncates silently, which hides headers from the app: a
 * smuggling risk), transfer codings other than one final `chunked` (RFC 9112 §6.1), long request lines, large or
 * stalled bodies.
 *
 * Invariant: a request without a body costs one pass over its header names and allocates nothing.
 */

import type { IncomingMessage } from "node:http";
import type { ErrorCode } from "../errors/errors.ts";
import { http } from "../platform/http.ts";

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

export function inspectHead(req: IncomingMessage, limits: RequestLimits): Head {
  const { rawHeaders } = req;
  if (limits.headerCount > 0 && rawHeaders.length > limits.headerCount * 2) return "TOO_MANY_HEADERS";
  // Method, two spaces and "HTTP/1.1" belong to the line as well.
  if (limits.requestLineBytes > 0 && req.url!.length + req.method!.length + 10 > limits.requestLineBytes) {
    return "REQUEST_LINE_TOO_LONG";
  }
  let body: Head = "no-body";
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 14 && name.toLowerCase() === "content-length") {
      const bytes = Number(rawHeaders[i + 1]);
      if (limits.bodyBytes > 0 && bytes > limits.bodyBytes) return "BODY_TOO_LARGE";
      if (bytes > 0 && body === "no-body") body = "body";
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (req.httpVersionMajor === 1 && req.httpVersionMinor === 0) return "BAD_REQUEST";
      if (body === "body" || rawHeaders[i + 1]!.trim().toLowerCase() !== "chunked") return "FRAMING_UNSUPPORTED";
      body = "body";
    }
  }
  return body;
}

export type BodyState = "arriving" | "complete" | ErrorCode;

/**
 * Counts a body as the parser delivers it, without touching how the app reads it. Time in which the app does not read
 * is not the client's fault and does not count.
 */
export class BodyGuard {
  readonly #req: IncomingMessage;
  readonly #limits: RequestLimits;
  #bytes = 0;
  #waitedMs = 0;
  #idleSinceMs: number;
  #sweptMs: number;
  /** When a sweep last saw the body incomplete: the handler's time counts from here. */
  arrivingUntilMs: number;

  /** `onTooLarge` is called once, synchronously, before the excess reaches the app. */
  constructor(req: IncomingMessage, limits: RequestLimits, nowMs: number, onTooLarge: () => void) {
    this.#req = req;
    this.#limits = limits;
    this.#idleSinceMs = nowMs;
    this.#sweptMs = nowMs;
    this.arrivingUntilMs = nowMs;
    let refused = false;
    req.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk instanceof Uint8Array) {
        this.#bytes += chunk.byteLength;
        this.#idleSinceMs = this.#sweptMs;
        if (limits.bodyBytes > 0 && this.#bytes > limits.bodyBytes) {
          if (!refused) onTooLarge();
          refused = true;
          // The parser goes on (the connection is closed after the refusal); the app gets nothing more.
          return true;
        }
      }
      return http.IncomingMessage.prototype.push.call(req, chunk, encoding);
    };
  }

  /** Judges the time since the last sweep. */
  sweep(nowMs: number): BodyState {
    const elapsedMs = nowMs - this.#sweptMs;
    this.#sweptMs = nowMs;
    if (this.#req.complete) return "complete";
    this.arrivingUntilMs = nowMs;
    if (this.#req.readableLength > 0) {
      this.#idleSinceMs = nowMs;
      return "arriving";
    }
    this.#waitedMs += elapsedMs;
    const { bodyIdleTimeoutMs, bodyMinRateBytes } = this.#limits;
    if (bodyIdleTimeoutMs > 0) {
      if (nowMs - this.#idleSinceMs > bodyIdleTimeoutMs) return "BODY_TIMEOUT";
      const tooSlow = this.#bytes < (bodyMinRateBytes * this.#waitedMs) / 1000;
      if (bodyMinRateBytes > 0 && this.#waitedMs > bodyIdleTimeoutMs && tooSlow) return "BODY_TIMEOUT";
    }
    return "arriving";
  }
}
