/** How a response ends early because its thread drains. Its client is still connected: it sees the end of the response, and
 * sends its next request to another thread.
 *
 * An event stream (`text/event-stream`) may end anywhere: its client drops an incomplete event, and reconnects (the WHATWG's
 * HTML standard, 9.2.5 and 9.2.6). Any other incomplete response must not look complete.
 */

import type { ServerResponse } from "node:http";
import { abortReason } from "./abort-reasons.ts";
import { headOf } from "../../platform/node-internals/responses.ts";

const DRAIN_ERROR = "DrainError";

/** The reason of the request's signal. Its name distinguishes it from a disconnect and a timeout. */
export function drainError(): DOMException {
  return abortReason("the server drains: this response should end now; its client is still connected", DRAIN_ERROR);
}

export function isDrainError({ name }: Pick<DOMException, "name">): boolean {
  return name === DRAIN_ERROR;
}

/** The key of a response's callback for code beside the app that must know of the drain. */
export const whenCalledOff: unique symbol = Symbol("heddle.whenCalledOff");

export interface CanBeCalledOff {
  [whenCalledOff]?: ((reason: DOMException) => void) | undefined;
}

/** Whether its head is sent and has the event stream's type. */
export function isEventStream(res: ServerResponse): boolean {
  if (!res.headersSent) return false;
  if (res.req.httpVersionMajor === 2) return isEventStreamType(res.getHeader("content-type"));
  const head = headOf(res);
  if (head === null) return false;
  const end = head.indexOf("\r\n\r\n");
  return /^content-type:[ \t]*text\/event-stream[ \t]*[;\r]/im.test(end === -1 ? head : head.slice(0, end + 2));
}

/** Of HTTP/2, whose heads are no text. */
export function isEventStreamType(contentType: unknown): boolean {
  return typeof contentType === "string" && /^text\/event-stream\s*(?:;|$)/i.test(contentType);
}

/** Ends the event stream of a handler that has failed. False: it is not an event stream, or has ended. */
export function endEventStream(res: ServerResponse): boolean {
  if (res.writableEnded || res.destroyed || !isEventStream(res)) return false;
  // A later write of the app must not be an error.
  res.on("error", () => {});
  res.end();
  return true;
}
