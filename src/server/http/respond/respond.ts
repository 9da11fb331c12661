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
  answerSocket(socket, { status: errorTable[code].status ?? 400, isHead });
}

export interface SocketAnswer {
  readonly status: number;
  readonly isHead?: boolean;
  /** Their names are in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The last answer on a socket that HTTP's parser no longer has. */
export function answerSocket(socket: Duplex, { status, isHead = false, headers = {}, body }: SocketAnswer): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const reason = http.STATUS_CODES[status] ?? "";
  const text = body ?? `${status} ${reason}\n`;
  const fields = {
    date: new Date().toUTCString(),
    "content-type": "text/plain; charset=utf-8",
    ...(status === 503 ? { "retry-after": `${RETRY_AFTER_SECONDS}` } : {}),
    ...headers,
    "content-length": `${Buffer.byteLength(text)}`,
    connection: "close",
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n${isHead ? "" : text}`);
  endLingering(socket);
}
