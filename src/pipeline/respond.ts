/**
 * The answers heddle gives itself: refusals and failures. One place, so that they all look alike, leak nothing of the
 * app, and never leave a socket hanging.
 *
 * After heddle has answered, the app may still be at work on the same response (a handler that timed out). Its writes
 * then go nowhere instead of throwing ERR_HTTP_HEADERS_SENT into the app or corrupting the next response.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { errorTable, type ErrorCode } from "../errors/errors.ts";
import { http } from "../platform/http.ts";

/** Seconds a refused client should wait: long enough to let a queue of a second's work drain. */
const RETRY_AFTER_SECONDS = 1;

/** How long a refused upload may go on into nothing; nginx's lingering_timeout is of the same order. */
const LINGER_MS = 2000;

/** Refusals after which the connection can't be used: its input is not where a next request would start. */
const CLOSING: ReadonlySet<ErrorCode> = new Set([
  "BAD_REQUEST",
  "HEADERS_TIMEOUT",
  "BODY_TIMEOUT",
  "BODY_TOO_LARGE",
  "REQUEST_LINE_TOO_LONG",
  "HEADERS_TOO_LARGE",
  "TOO_MANY_HEADERS",
  "FRAMING_UNSUPPORTED",
]);

/**
 * Answers with the status of `code`, or cuts the connection when the app has begun to answer: a response that is not
 * complete must not look complete.
 */
export function refuse(req: IncomingMessage, res: ServerResponse, code: ErrorCode): void {
  if (res.writableEnded || res.destroyed) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const status = errorTable[code].status ?? 500;
  const body = `${status} ${http.STATUS_CODES[status]}\n`;
  for (const name of res.getHeaderNames()) {
    if (!name.startsWith("x-heddle-")) res.removeHeader(name);
  }
  const { setHeader, writeHead, end } = http.ServerResponse.prototype;
  setHeader.call(res, "content-type", "text/plain; charset=utf-8");
  setHeader.call(res, "content-length", Buffer.byteLength(body));
  if (status === 503) setHeader.call(res, "retry-after", String(RETRY_AFTER_SECONDS));
  if (CLOSING.has(code) || !req.complete) {
    setHeader.call(res, "connection", "close");
    if (!req.complete) linger(req.socket);
  }
  mute(res);
  writeHead.call(res, status);
  end.call(res, req.method === "HEAD" ? "" : body, "utf8");
}

/**
 * Closes our side only, and takes what the client still sends for a while: closing both at once makes the kernel answer
 * the rest of a body with a reset, which often reaches the client before the refusal does (RFC 9112 §9.6).
 */
function linger(socket: Socket): void {
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };
}

/** Turns the app's later writes on this response into nothing. */
function mute(res: ServerResponse): void {
  const self = (): ServerResponse => res;
  const accepted = (_chunk?: unknown, encoding?: unknown, callback?: unknown): boolean => {
    const done = typeof encoding === "function" ? encoding : callback;
    if (typeof done === "function") process.nextTick(done);
    return true;
  };
  Object.assign(res, {
    setHeader: self,
    appendHeader: self,
    setHeaders: self,
    removeHeader: () => {},
    flushHeaders: () => {},
  });
  Object.assign(res, {
    writeContinue: () => {},
    writeEarlyHints: () => {},
    writeProcessing: () => {},
    writeInformation: () => {},
  });
  Object.assign(res, { writeHead: self, write: accepted, end: self });
}

/** Answers on a socket whose request could not even be parsed. */
export function refuseSocket(socket: Socket, code: ErrorCode): void {
  const status = errorTable[code].status ?? 400;
  const body = `${status} ${http.STATUS_CODES[status]}\n`;
  const inResponse =
    (socket as Socket & { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent === true;
  if (!socket.writable || inResponse) {
    socket.destroy();
    return;
  }
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroySoon(),
  );
}
