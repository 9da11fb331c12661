/**
 * node:http's IncomingMessage: made without a parser, filled by hand, and what is replaced on one that a parser fills.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { http } from "../http.ts";

interface Internals {
  /** Somebody has begun to read. */
  _consuming: boolean;
  /** What still comes of the body is dropped. */
  _dumped: boolean;
  readonly _readableState: { highWaterMark: number; readingMore: boolean; readonly resumeScheduled: boolean };
  _addHeaderLines(lines: readonly string[], length: number): void;
  _read(): void;
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void;
}

function internals(req: IncomingMessage): Internals {
  return req as unknown as Internals;
}

/** One that no parser fills. node:http does not document its constructor. */
export function createRequest(stream: Duplex): IncomingMessage {
  return new http.IncomingMessage(stream as never);
}

/** Name, value, name, value. The headers; or the trailers, once the request is complete. */
export function addHeaderLines(req: IncomingMessage, lines: readonly string[]): void {
  internals(req)._addHeaderLines(lines, lines.length);
}

/** The app sees the headers of another request on this one. */
export function replaceHeaders(req: IncomingMessage, of: IncomingMessage): void {
  const { rawHeaders, headers, headersDistinct } = of;
  Object.assign(req, { rawHeaders, headers, headersDistinct });
}

/** Marks the body as being read: node:http does not drop it when the response has ended. */
export function markRead(req: IncomingMessage): void {
  internals(req)._consuming = true;
}

/** Somebody has begun to read the body, or is about to. */
export function isRead(req: IncomingMessage): boolean {
  const { _consuming, _readableState } = internals(req);
  return _consuming || _readableState.resumeScheduled;
}

/**
 * Replaces what a request does to have more of its body. The first read also lets the stream read ahead, which node:http
 * holds back until then.
 */
export function replaceRead(req: IncomingMessage, more: () => void): void {
  const own = internals(req);
  own._read = () => {
    if (!own._consuming) {
      own._consuming = true;
      own._readableState.readingMore = false;
    }
    more();
  };
}

/** From now on nothing is fetched when the request is read. */
export function stopReading(req: IncomingMessage): void {
  internals(req)._read = () => {};
}

type Push = (chunk: unknown, encoding?: BufferEncoding) => boolean;

/** Replaces how the parser hands the body over: `null` at its end. `Readable.prototype.push` is the original. */
export function replacePush(req: IncomingMessage, push: Push): void {
  req.push = push;
}

/** Replaces what destroying the request does. node:http's own destroys the connection with it. */
export function replaceDestroy(req: IncomingMessage, destroy: Internals["_destroy"]): void {
  internals(req)._destroy = destroy;
}

/** The body that still comes is dropped as it arrives. */
export function dropBody(req: IncomingMessage): void {
  internals(req)._dumped = true;
}

export function isBodyDropped(req: IncomingMessage): boolean {
  return internals(req)._dumped;
}

/** How much of the body is kept before its sender has to wait. A stream's limit is public, and can't be changed. */
export function setBufferBytes(req: IncomingMessage, bytes: number): void {
  internals(req)._readableState.highWaterMark = bytes;
}

type SignalOf = (req: IncomingMessage) => AbortSignal | undefined;

/**
 * Replaces the getter of `req.signal`. undefined from `signalOf`: node:http's own. On the prototype and not on each request: a
 * property per request costs more than all of the gate, and Express swaps a request's prototype for one that still
 * inherits from this one.
 */
export function replaceSignal(signalOf: SignalOf, prototype: object = http.IncomingMessage.prototype): void {
  const native = Object.getOwnPropertyDescriptor(prototype, "signal");
  Object.defineProperty(prototype, "signal", {
    configurable: true,
    enumerable: native?.enumerable ?? false,
    get(this: IncomingMessage): AbortSignal | undefined {
      return signalOf(this) ?? (native?.get?.call(this) as AbortSignal | undefined);
    },
  });
}
