/** Ends a request for the app if its body will not arrive: reading the body fails, as when the client disconnects.
 *
 * `req.destroy()` would also close the connection, before the client has read the refusal. Without this the app would wait
 * forever: after the response is sent, node:http emits nothing more on the request.
 */

import type { IncomingMessage } from "node:http";
import { type ErrorCode, errorTable, HeddleError } from "../../errors/errors.ts";
import { replaceDestroy, replacePush } from "../../platform/node-internals/requests.ts";

export function cutShort(req: IncomingMessage, code: ErrorCode): void {
  // Later bytes are read from the connection and dropped; their end must not look like the end of the body.
  replacePush(req, () => true);
  replaceDestroy(req, (error, callback) => {
    // That of HTTP/2 has only a getter.
    Object.defineProperty(req, "aborted", { value: true, configurable: true, enumerable: true, writable: true });
    req.emit("aborted");
    // As in node:http: without an "error" listener nothing is thrown.
    process.nextTick(callback, req.listenerCount("error") > 0 ? error : null);
  });
  req.destroy(new HeddleError(code, errorTable[code].doc));
}

/** The client has disconnected: emits the same events as node:http. */
export function breakOff(req: IncomingMessage): void {
  const error = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
  req.destroy(error);
}
