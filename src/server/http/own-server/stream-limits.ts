/**
 * Limits of a request of HTTP/2, like those of HTTP/1 (parse/limits.ts): checked on its head, and while its body arrives.
 * What HTTP/2 itself forbids is refused by Node before it gets here.
 */

import type { ServerHttp2Stream } from "node:http2";
import { replaceStreamPush } from "../../../platform/node-internals/http2-streams.ts";
import { isAuthority } from "../parse/authority.ts";
import type { BodyEvents, BodyState, Head, RequestLimits, TimedBody } from "../parse/limits.ts";
import type { StreamHead } from "./stream-exchange.ts";

export function inspectStreamHead({ stream, headers, rawHeaders }: StreamHead, limits: RequestLimits): Head {
  const { ":method": method = "", ":path": path = "", ":authority": authority = headers.host } = headers;
  if (limits.headerCount > 0 && rawHeaders.length > limits.headerCount * 2) return "TOO_MANY_HEADERS";
  if (path.length + method.length + 10 > limits.requestLineBytes) return "REQUEST_LINE_TOO_LONG";
  if (path.includes("#") || !(path.startsWith("/") || (path === "*" && method === "OPTIONS"))) return "BAD_REQUEST";
  if (authority !== undefined && authority !== "" && !isAuthority(authority)) return "BAD_REQUEST";
  if (stream.endAfterHeaders) return "no-body";
  const bytes = Number(headers["content-length"] ?? 0);
  return limits.bodyBytes > 0 && bytes > limits.bodyBytes ? "BODY_TOO_LARGE" : "body";
}

/** An app that goes on with a body after its response resumes sooner. */
const PAUSED_MS = 5000;

/** Time in which the app does not read is not the client's fault, and does not count. */
export class StreamBody implements TimedBody {
  readonly #stream: ServerHttp2Stream;
  readonly #limits: RequestLimits;
  #bytes = 0;
  #sweptBytes = 0;
  #isComplete = false;
  #isCut = false;
  #waitedMs = 0;
  #idleSinceMs: number;
  #sweptMs: number;
  arrivingUntilMs: number;

  constructor(stream: ServerHttp2Stream, limits: RequestLimits, nowMs: number, events: BodyEvents) {
    this.#stream = stream;
    this.#limits = limits;
    this.#idleSinceMs = nowMs;
    this.#sweptMs = nowMs;
    this.arrivingUntilMs = nowMs;
    replaceStreamPush(stream, (push) => (chunk) => {
      if (this.#isCut) return true;
      if (chunk === null) {
        this.#isComplete = true;
        events.onComplete();
      } else if (chunk instanceof Uint8Array) {
        this.#bytes += chunk.byteLength;
        if (limits.bodyBytes > 0 && this.#bytes > limits.bodyBytes) {
          this.cut();
          events.onTooLarge();
          return true;
        }
      }
      return push(chunk);
    });
  }

  /** The app gets no more of it, and no end either: it would take its part for the whole. */
  cut(): void {
    this.#isCut = true;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#stream.readableLength >= this.#stream.readableHighWaterMark;
  }

  // Only models with handler threads call these two, and those don't serve HTTP/2.
  collect(): void {}
  handOver(): void {}

  sweep(nowMs: number): BodyState {
    const elapsedMs = nowMs - this.#sweptMs;
    const progressed = this.#bytes > this.#sweptBytes;
    this.#sweptMs = nowMs;
    this.#sweptBytes = this.#bytes;
    const { headersSent, writableFinished, readableLength, readableEnded } = this.#stream;
    const isAnswered = headersSent && writableFinished;
    const unread = this.#isComplete ? !readableEnded : readableLength > 0;
    // Once the response has begun, both sides may talk for as long as they like: gRPC's streams do.
    if (this.#isComplete ? !(isAnswered && unread) : headersSent && !isAnswered) {
      this.#idleSinceMs = nowMs;
      return "complete";
    }
    if (progressed || (unread && !isAnswered)) this.#idleSinceMs = nowMs;
    // The app has paused the rest of the body. Node keeps the stream until all of it is read.
    if (unread && isAnswered && nowMs - this.#idleSinceMs > PAUSED_MS) return "BODY_TIMEOUT";
    if (!unread) this.#waitedMs += elapsedMs;
    else if (!progressed) return "unread";
    this.arrivingUntilMs = nowMs;
    const { bodyIdleTimeoutMs, bodyMinRateBytes } = this.#limits;
    if (bodyIdleTimeoutMs === 0) return "arriving";
    if (nowMs - this.#idleSinceMs > bodyIdleTimeoutMs) return "BODY_TIMEOUT";
    const tooSlow = this.#bytes < (bodyMinRateBytes * this.#waitedMs) / 1000;
    return tooSlow && this.#waitedMs > bodyIdleTimeoutMs ? "BODY_TIMEOUT" : "arriving";
  }
}
