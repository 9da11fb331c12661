/**
 * Answers in the app's place: with a refusal, or after a failure. On a serving thread that is what the client gets. On a handler
 * thread nobody gets it, and only the response shows it: its status and its end, for whoever in the app listens for them.
 *
 * Afterwards the app may still work on the same response (a handler that timed out). Its writes are then ignored. They neither
 * throw ERR_HTTP_HEADERS_SENT into the app nor corrupt the next response.
 */

import type { ServerResponse } from "node:http";
import { http } from "../../platform/http.ts";
import { replaceMethods } from "../../platform/node-internals/responses.ts";

/** The app must not have begun to answer. */
export function answerInstead(
  res: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: string,
): void {
  // The prototype's methods, not those that middleware may have put on this response: they would add a cookie, or compress.
  const plain = http.ServerResponse.prototype;
  for (const name of res.getHeaderNames()) if (!KEPT.test(name)) plain.removeHeader.call(res, name);
  for (const [name, value] of Object.entries(headers)) plain.setHeader.call(res, name, value);
  mute(res);
  // A status message that the app has set belongs to its own status.
  res.statusMessage = "";
  plain.writeHead.call(res, status);
  plain.end.call(res, body, "utf8");
}

/** heddle's own headers (http/respond/headers.ts), which its refusals carry too. */
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
