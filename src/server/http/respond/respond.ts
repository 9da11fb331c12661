/**
 * The answers heddle gives itself: refusals and failures. They are in one place, so that they all look alike, leak nothing of
 * the app, and never leave a socket hanging.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorTable, type ErrorCode } from "../../../errors/errors.ts";
import { http } from "../../../platform/http.ts";
import { answerInstead } from "../../app/answer-instead.ts";
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
  "EXPECTATION_FAILED",
]);

/**
 * Answers with the status of `code`. If the app has begun to answer, cuts the connection instead: an incomplete response
 * must not look complete. Returns whether the connection closes with it.
 */
export function refuse(req: IncomingMessage, res: ServerResponse, code: ErrorCode): boolean {
  return answer(req, res, errorTable[code].status ?? 500, CLOSING.has(code));
}

function answer(req: IncomingMessage, res: ServerResponse, status: number, closes: boolean): boolean {
  if (res.writableEnded || res.destroyed) return false;
  if (res.headersSent) {
    res.destroy();
    return true;
  }
  const body = `${status} ${http.STATUS_CODES[status]}\n`;
  const unfinished = isUnfinished(req);
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...(status === 503 ? { "retry-after": RETRY_AFTER_SECONDS } : {}),
    ...(closes || unfinished ? { connection: "close" } : {}),
  };
  answerInstead(res, status, headers, req.method === "HEAD" ? "" : body);
  return closes || unfinished;
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
