/**
 * Handles the rest of a request's body when the response is complete and the app has not read all of it:
 *
 *   nobody reads it        → it is dropped as it arrives, within limits; then the connection serves its next request
 *   the app still reads it → it is left to the app, within limits
 *   the app has paused it  → the same for PAUSED_MS; after that the app is taken to have given up. A fetch app is done at once:
 *                            its stream was only filled, so reading more of it fails, and the rest is dropped
 *
 * Beyond a limit the connection is closed. node:http itself drops only a body that nobody has begun to read. It leaves every
 * other one in the connection, where it blocks the next request for ever.
 *
 * node:http reports nothing of a body after its response, so we count the connection's bytes. We hold the socket ourselves:
 * `stream.pipeline` and a loop that is left early take the request's own away.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { cutShort } from "../../app/cut-short.ts";
import type { ErrorCode } from "../../../errors/errors.ts";
import { dropBody, isBodyDropped } from "../../../platform/node-internals/requests.ts";
import { FRAMING_BYTES, type RequestLimits } from "../parse/limits.ts";

/** Most bytes of a body that are read only to drop them. Closing the connection is cheaper than more of it, for both sides. */
const DROPPED_BYTES = 1024 * 1024;
/** An app that waits for what it writes the body to resumes sooner. */
const PAUSED_MS = 5000;

/** The app has begun with the body, and waits for something before it reads on. */
export function isHeldUp(req: IncomingMessage): boolean {
  return !req.complete && req.readableFlowing === false && !req.destroyed && req.listenerCount("readable") === 0;
}

export interface Reader {
  /** A handler on another thread may still ask for the body. */
  readonly isElsewhere: () => boolean;
  /** A reader that has paused will not resume. */
  readonly isOver: boolean;
}

export class RestOfBody {
  readonly req: IncomingMessage;
  readonly #socket: Socket;
  readonly #limits: RequestLimits;
  readonly #reader: Reader;
  readonly #sinceMs: number;
  readonly #sinceBytes: number;
  #sweptBytes: number;
  #idleSinceMs: number;

  constructor(req: IncomingMessage, socket: Socket, limits: RequestLimits, nowMs: number, reader: Reader) {
    this.req = req;
    this.#socket = socket;
    this.#limits = limits;
    this.#reader = reader;
    this.#sinceMs = nowMs;
    this.#idleSinceMs = nowMs;
    this.#sinceBytes = socket.bytesRead;
    this.#sweptBytes = this.#sinceBytes;
    this.dropUnread();
  }

  /** Drops it, unless the app reads it. */
  dropUnread(): void {
    const { req } = this;
    const isElsewhere = this.#reader.isElsewhere();
    if (this.#reader.isOver && !isElsewhere && this.#isPaused) cutShort(req, "BODY_TIMEOUT");
    const isRead = isElsewhere || req.listenerCount("data") > 0 || req.listenerCount("readable") > 0;
    if (isRead && !req.destroyed) return;
    dropBody(req);
    this.#socket.resume();
  }

  /** `gone`: the connection is closed, and the app was not told yet that the rest of the body will not come. */
  sweep(nowMs: number): "arriving" | "complete" | "gone" | ErrorCode {
    if (this.req.complete) return "complete";
    if (this.#socket.destroyed) return "gone";
    this.dropUnread();
    const { bytesRead } = this.#socket;
    if (bytesRead > this.#sweptBytes) this.#idleSinceMs = nowMs;
    this.#sweptBytes = bytesRead;
    const bytes = bytesRead - this.#sinceBytes;
    const { bodyBytes, bodyIdleTimeoutMs, bodyMinRateBytes } = this.#limits;
    if (this.#isDropped && bytes > DROPPED_BYTES) return "BODY_TOO_LARGE";
    if (bodyBytes > 0 && bytes > bodyBytes + FRAMING_BYTES) return "BODY_TOO_LARGE";
    const idleMs = nowMs - this.#idleSinceMs;
    if (this.#isPaused && idleMs > PAUSED_MS) return "BODY_TIMEOUT";
    if (bodyIdleTimeoutMs === 0) return "arriving";
    if (idleMs > bodyIdleTimeoutMs) return "BODY_TIMEOUT";
    const elapsedMs = nowMs - this.#sinceMs;
    const tooSlow = bytes < (bodyMinRateBytes * elapsedMs) / 1000;
    return tooSlow && elapsedMs > bodyIdleTimeoutMs ? "BODY_TIMEOUT" : "arriving";
  }

  get #isDropped(): boolean {
    return isBodyDropped(this.req);
  }

  get #isPaused(): boolean {
    return !this.#isDropped && this.req.readableFlowing !== true && this.req.readableLength > 0;
  }
}
