/**
 * How a response comes to an end before its time, because its thread drains. Its client is still there: it is told by the
 * response's end, and asks another thread next.
 *
 * An event stream (`text/event-stream`) may end anywhere: its client drops an event that is not whole, and connects again
 * (the WHATWG's HTML standard, 9.2.5 and 9.2.6). Any other response that is not whole must not look so.
 */

import type { ServerResponse } from "node:http";
import { headOf } from "../../platform/node-internals/responses.ts";

const DRAIN_ERROR = "DrainError";

/** What a request's signal aborts with then. Its name tells it from "the client left" and from a timeout. */
export function drainError(): DOMException {
  return new DOMException("the server drains: this response is to end now, its client is still there", DRAIN_ERROR);
}

export function isDrainError({ name }: Pick<DOMException, "name">): boolean {
  return name === DRAIN_ERROR;
}

/** Where a response carries what is to be done, if something beside the app has to know. */
export const whenCalledOff: unique symbol = Symbol("heddle.whenCalledOff");

export interface CanBeCalledOff {
  [whenCalledOff]?: ((reason: DOMException) => void) | undefined;
}

/** Whether its head is out and says that it is one. */
export function isEventStream(res: ServerResponse): boolean {
  const head = headOf(res);
  if (head === null || !res.headersSent) return false;
  const end = head.indexOf("\r\n\r\n");
  return /^content-type:[ \t]*text\/event-stream[ \t]*[;\r]/im.test(end === -1 ? head : head.slice(0, end + 2));
}

/** Ends it in its handler's place, which has failed. False: it is no event stream, or has ended. */
export function endEventStream(res: ServerResponse): boolean {
  if (res.writableEnded || res.destroyed || !isEventStream(res)) return false;
  // What the app still writes is an error of its own making no more.
  res.on("error", () => {});
  res.end();
  return true;
}
