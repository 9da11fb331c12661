/**
 * The answers heddle gives itself: refusals and failures. They are in one place, so that they all look alike, leak nothing of
 * the app, and never leave a socket hanging.
 *
 * After heddle has answered, the app may still work on the same response (a handler that timed out). Its writes are then
 * ignored. They neither throw ERR_HTTP_HEADERS_SENT into the app nor corrupt the next response.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorTable, type ErrorCode } from "../../../errors/errors.ts";
import { http } from "../../../platform/http.ts";
import { replaceMethods } from "../../../platform/node-internals/responses.ts";
import { endLingering, isUnfinished } from "../parse/lingering-close.ts";

/** Seconds a refused client should wait: enough to drain a queue of one second's work. */
export const RETRY_AFTER_SECONDS = 1;

/** Refusals after which the connection can't be used: its input is not at the start of a next request. */
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
 * Answers with the status of `code`. If the app has begun to answer, cuts the connection instead: an incomplete response
 * must not look complete. Returns whether the connection closes with it.
 */
export function refuse(req: IncomingMessage, res: ServerResponse, code: ErrorCode): boolean {
  return answer(req, res, errorTable[code].status ?? 500, CLOSING.has(code));
}

/** RFC 9110 §10.1.1: an expectation that nobody here can meet. */
export function refuseExpectation(req: IncomingMessage, res: ServerResponse): void {
  answer(req, res, 417, true);
}

function answer(req: IncomingMessage, res: ServerResponse, status: number, closes: boolean): boolean {
  if (res.writableEnded || res.destroyed) return false;
  if (res.headersSent) {
    res.destroy();
    return true;
  }
  const body = `${status} ${http.STATUS_CODES[status]}\n`;
  // The prototype's methods, not those that middleware may have put on this response: they would add a cookie, or compress.
  const plain = http.ServerResponse.prototype;
  for (const name of res.getHeaderNames()) if (!KEPT.test(name)) plain.removeHeader.call(res, name);
  plain.setHeader.call(res, "content-type", "text/plain; charset=utf-8");
  plain.setHeader.call(res, "content-length", Buffer.byteLength(body));
  if (status === 503) plain.setHeader.call(res, "retry-after", RETRY_AFTER_SECONDS);
  const unfinished = isUnfinished(req);
  if (closes || unfinished) plain.setHeader.call(res, "connection", "close");
  mute(res);
  // A status message that the app has set belongs to its own status.
  res.statusMessage = "";
  plain.writeHead.call(res, status);
  plain.end.call(res, req.method === "HEAD" ? "" : body, "utf8");
  return closes || unfinished;
}

/** heddle's own headers (headers.ts), which its refusals carry too. */
const KEPT = /^(?:x-heddle-.*|x-request-id)$/;

function nothing(): void {}

function callBack(args: readonly unknown[]): void {
  const done = args.findLast((arg) => typeof arg === "function");
  if (done !== undefined) process.nextTick(done);
}

/** Makes the app's later writes on this response no-ops: no throw, no error event, nothing on the wire. */
export function mute(res: ServerResponse): void {
  const self = (): ServerResponse => res;
  replaceMethods(res, {
    setHeader: self,
    appendHeader: self,
    setHeaders: self,
    removeHeader: nothing,
    flushHeaders: nothing,
    writeHead: self,
    writeContinue: nothing,
    writeEarlyHints: nothing,
    writeProcessing: nothing,
    writeInformation: nothing,
    addTrailers: nothing,
    write(...args: readonly unknown[]): boolean {
      callBack(args);
      return true;
    },
    end(...args: readonly unknown[]): ServerResponse {
      callBack(args);
      return res;
    },
    // stream.pipeline destroys its destination; that would destroy the connection.
    destroy: self,
  });
  // Middleware that kept the original methods bypasses these, and writes after the end.
  res.on("error", nothing);
}

/** Answers on a socket whose request could not even be parsed, or asked for an upgrade. `isHead`: the request's method is HEAD. */
export function refuseSocket(socket: Duplex, code: ErrorCode, isHead: boolean = false): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = errorTable[code].status ?? 400;
  const body = `${status} ${http.STATUS_CODES[status]}\n`;
  socket.write(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\ndate: ${new Date().toUTCString()}\r\n` +
      "content-type: text/plain; charset=utf-8\r\n" +
      (status === 503 ? `retry-after: ${RETRY_AFTER_SECONDS}\r\n` : "") +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${isHead ? "" : body}`,
  );
  endLingering(socket);
}
