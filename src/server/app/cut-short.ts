/**
 * Ends the app's view of a request whose body it will not get: reading it fails, as it does when the client goes away.
 *
 * `req.destroy()` would close the connection as well, before the client has read why it was refused. And without this
 * the app would wait for ever: node:http forgets a request whose response is out, and tells it nothing any more.
 */

import type { IncomingMessage } from "node:http";
import { type ErrorCode, errorTable, HeddleError } from "../../errors/errors.ts";
import { replaceDestroy, replacePush } from "../../platform/node-internals/requests.ts";

export function cutShort(req: IncomingMessage, code: ErrorCode): void {
  // What still comes is taken from the connection and dropped; its end must not look like the body's.
  replacePush(req, () => true);
  replaceDestroy(req, (error, callback) => {
    req.aborted = true;
    req.emit("aborted");
    // As node:http does it: whoever does not listen is not thrown at.
    process.nextTick(callback, req.listenerCount("error") > 0 ? error : null);
  });
  req.destroy(new HeddleError(code, errorTable[code].doc));
}

/** The client is gone: told as node:http tells it. */
export function breakOff(req: IncomingMessage): void {
  const error = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
  req.destroy(error);
}
