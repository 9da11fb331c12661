/**
 * node:http's IncomingMessage: making one without a parser, filling it by hand, and replacing parts of one that a parser fills.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { http } from "../http.ts";
import type { MessageOptions } from "./app-servers.ts";

interface Internals {
  /** Somebody has begun to read. */
  _consuming: boolean;
  /** The rest of the body is dropped. */
  _dumped: boolean;
  readonly _readableState: { highWaterMark: number; readingMore: boolean; readonly resumeScheduled: boolean };
  _addHeaderLines(lines: readonly string[], length: number): void;
  _read(): void;
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void;
}

function internals(req: IncomingMessage): Internals {
  return req as unknown as Internals;
}

/** A request that no parser fills. node:http does not document its constructor. */
export function createRequest(stream: Duplex, { IncomingMessage: Own, ...rest }: MessageOptions = {}): IncomingMessage {
  const req = Own === undefined ? new http.IncomingMessage(stream as never) : new Own(stream as never);
  if (rest.joinDuplicateHeaders === true) Object.assign(req, { joinDuplicateHeaders: true });
  return req;
}

/** Adds name, value, name, value: to the headers, or to the trailers once the request is complete. */
export function addHeaderLines(req: IncomingMessage, lines: readonly string[]): void {
  internals(req)._addHeaderLines(lines, lines.length);
}

/** Gives this request the headers of another one. */
export function replaceHeaders(req: IncomingMessage, of: IncomingMessage): void {
  const { rawHeaders, headers, headersDistinct } = of;
  Object.assign(req, { rawHeaders, headers, headersDistinct });
}

/** Marks the body as being read, so that node:http does not drop it at the end of the response. */
export function markRead(req: IncomingMessage): void {
  internals(req)._consuming = true;
}

/** Whether the app has begun to read the body, or is about to. */
export function isRead(req: IncomingMessage): boolean {
  const { _consuming, _readableState } = internals(req);
  return _consuming || _readableState.resumeScheduled;
}

/**
 * Replaces how a request gets more of its body. The first read also lets the stream read ahead, which node:http prevents until
 * then.
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

/** Replaces how the parser delivers the body: `null` at its end. `Readable.prototype.push` is the original. */
export function replacePush(req: IncomingMessage, push: Push): void {
  req.push = push;
}

/** Replaces how the request is destroyed. node:http's own method destroys the connection with it. */
export function replaceDestroy(req: IncomingMessage, destroy: Internals["_destroy"]): void {
  internals(req)._destroy = destroy;
}

/** Drops the rest of the body as it arrives. */
export function dropBody(req: IncomingMessage): void {
  internals(req)._dumped = true;
}

export function isBodyDropped(req: IncomingMessage): boolean {
  return internals(req)._dumped;
}

/** How much of the body is buffered before its sender must wait. A stream's limit is public, but can't be changed. */
export function setBufferBytes(req: IncomingMessage, bytes: number): void {
  internals(req)._readableState.highWaterMark = bytes;
}

type SignalOf = (req: IncomingMessage) => AbortSignal | undefined;

/**
 * Replaces the getter of `req.signal`. If `signalOf` returns undefined, node:http's own is used. It is set on the prototype,
 * not on each request: a property per request costs more than the whole gate. And Express replaces a request's prototype by one
 * that still inherits from this one.
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
