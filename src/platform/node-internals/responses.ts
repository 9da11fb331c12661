/**
 * node:http's ServerResponse: its head, whether the connection ends with it, its socket, and the parts that are replaced.
 * response-steps.ts has the steps by which it is sent.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "../http.ts";
import type { MessageOptions } from "./app-servers.ts";

type Data = string | Uint8Array;

/** node:http writes all bytes with it. */
export type Interim = [
  data: Data,
  encoding?: BufferEncoding | null | undefined,
  callback?: (() => void) | undefined,
  bytes?: number | undefined,
];

interface Internals {
  /** The text of the head; null until it is made. */
  _header: string | null;
  /** The head was sent, or will be sent with the first bytes. */
  _headerSent: boolean;
  _hasBody: boolean;
  /** The connection ends with this response. */
  _last: boolean;
  _sent100: boolean;
  _closed: boolean;
  _keepAliveTimeout: number;
  /** Known before the head is made only if all of the body comes with `end`. */
  readonly _contentLength: number | null;
  _writeRaw: (this: ServerResponse, ...interim: Interim) => boolean;
  [table: symbol]: unknown;
}

function internals(res: ServerResponse): Internals {
  return res as unknown as Internals;
}

/** The text of the head, once it is made. Headers given to `writeHead` are only in there. */
export function headOf(res: ServerResponse): string | null {
  return internals(res)._header;
}

/** Changes a head that is made but not sent. */
export function reviseHead(res: ServerResponse, revise: (head: string) => string): void {
  const own = internals(res);
  if (!own._headerSent && own._header !== null) own._header = revise(own._header);
}

/**
 * Declares the head as made and sent: what is written from now on goes to the client as it is. The caller writes the head
 * itself, followed by the body.
 */
export function declareHead(res: ServerResponse, head: string): void {
  const own = internals(res);
  own._header = head;
  own._headerSent = true;
  own._hasBody = true;
  res.chunkedEncoding = false;
}

/** Bytes of the body, when it came whole with `end`. */
export function bytesOfEnd(res: ServerResponse): number | null {
  return internals(res)._contentLength;
}

/** Whether the client gets a body: not with HEAD, 204 or 304. Known when the head is made. */
export function hasBody(res: ServerResponse): boolean {
  return internals(res)._hasBody;
}

/**
 * Whether the client sees from the head, which is out, where the response ends. Only the text of the head tells that of all: headers that
 * were given to `writeHead`, and heads that were made on a handler thread, are nowhere else.
 */
export function declaresEnd(res: ServerResponse): boolean {
  const { _header: text } = internals(res);
  return text !== null && /\r\n(?:content-length|transfer-encoding):/i.test(text.slice(0, text.indexOf("\r\n\r\n")));
}

/** Makes a body of unknown length end with its connection. Call it before the head is made. */
export function forgoChunks(res: ServerResponse): void {
  res.useChunkedEncodingByDefault = false;
}

/** The client wants the connection to go on, and the server has not decided otherwise. */
export function keepsConnection(res: ServerResponse): boolean {
  return res.shouldKeepAlive;
}

/** Call it before the head is made, which tells the client. */
export function setKeepsConnection(res: ServerResponse, keeps: boolean): void {
  res.shouldKeepAlive = keeps;
}

/** Whether the connection ends with this response. Known when the head is made. */
export function endsConnection(res: ServerResponse): boolean {
  return internals(res)._last;
}

/** Sets node:http's own mark, before or after the head is made. */
export function setEndsConnection(res: ServerResponse, ends: boolean): void {
  internals(res)._last = ends;
}

/** Ends the connection with this response. For use after the head is made; it overrides the head. */
export function endConnectionWith(res: ServerResponse): void {
  internals(res)._last = true;
}

/** Makes the head say how long an idle connection is kept. */
export function hintKeepAlive(res: ServerResponse, ms: number): void {
  internals(res)._keepAliveTimeout = ms;
}

/** The headers that were set, by their lower-case names; null: none was. */
export function headersSetOn(res: ServerResponse): object | null {
  outHeaders ??= ownSymbol(res, "kOutHeaders");
  return internals(res)[outHeaders!] as object | null;
}

let outHeaders: symbol | undefined;

/** Clears the mark that the response waits for its socket to drain. With the mark, `drain` may come once too often. */
export function forgetNeedDrain(res: ServerResponse): void {
  needDrain ??= ownSymbol(res, "kNeedDrain");
  if (needDrain !== undefined) internals(res)[needDrain] = false;
}

let needDrain: symbol | undefined;

/** node:http's symbols are not exported; a response has them as its own properties. */
export function ownSymbol(res: ServerResponse, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(res).find((symbol) => symbol.description === description);
}

/** Writes an interim response (1xx) that is already bytes, past the head. */
export function writeRaw(res: ServerResponse, data: Data, encoding?: BufferEncoding): void {
  internals(res)._writeRaw.call(res, data, encoding);
}

/** Whether an interim response 100 was written: the client sends its body, or will when it gets it. */
export function isContinued(res: ServerResponse): boolean {
  return internals(res)._sent100;
}

/** Marks it as if it was written here. */
export function markContinued(res: ServerResponse): void {
  internals(res)._sent100 = true;
}

/**
 * Passes interim responses to `take` instead of writing them. While there is no head, everything that node:http writes is one.
 * The returned function ends that.
 */
export function divertInterim(res: ServerResponse, take: (...interim: Interim) => void): () => void {
  const own = internals(res);
  const { _writeRaw: write } = own;
  own._writeRaw = (...args: Interim) => {
    if (own._header) return write.apply(res, args);
    take(...args);
    return true;
  };
  return () => void Reflect.deleteProperty(res, "_writeRaw");
}

/** A response that no server made. node:http does not document its constructor. */
export function createResponse(
  req: IncomingMessage,
  { ServerResponse: Own, rejectNonStandardBodyWrites = false }: MessageOptions = {},
): ServerResponse {
  const Response = (Own ?? http.ServerResponse) as new (req: IncomingMessage, options: object) => ServerResponse;
  return new Response(req, { rejectNonStandardBodyWrites });
}

/** From now on the response writes to this stream. It has emitted `socket`. */
export function assignStream(res: ServerResponse, stream: Duplex): void {
  res.assignSocket(stream as Socket);
}

/** Detaches the response from its stream. Neither gets events of the other any more. */
export function detachStream(res: ServerResponse, stream: Duplex): void {
  res.detachSocket(stream as Socket);
}

/** Calls back when the response gets the connection's socket: its turn has come. Nothing of it was written there yet. */
export function onceAssigned(res: ServerResponse, next: (socket: Socket) => void): void {
  res.once("socket", next);
}

/** Calls back within `res.end()`, when everything was written to the stream. */
export function onceWritten(res: ServerResponse, next: () => void): void {
  res.once("prefinish", next);
}

/** Does what node:http does in the tick after a response was written. */
export function closeResponse(res: ServerResponse): void {
  internals(res)._closed = true;
  res.destroyed = true;
  res.emit("close");
}

/** Sets the socket that the app finds on both from now on. */
export function replaceSocket(req: IncomingMessage, res: ServerResponse, socket: Socket): void {
  req.socket = socket;
  if (res.socket !== null) Object.assign(res, { socket });
}

/** Calls `look` before each head is made, whether the app calls `writeHead` or node:http does. */
export function beforeHead(res: ServerResponse, look: () => void): void {
  const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
  res.writeHead = (...args: unknown[]) => {
    look();
    return writeHead(...args);
  };
}

/** Replaces methods that the app calls. `ServerResponse.prototype` keeps the original ones. */
export function replaceMethods(res: ServerResponse, methods: Partial<Record<keyof ServerResponse, unknown>>): void {
  Object.assign(res, methods);
}
