/**
 * The errors with which heddle cancels what an app does for a request: its client has left, its time is over, its thread drains, its
 * response has no body. They reject whatever the app waits for: a write to the response's stream, a `fetch` with `req.signal`.
 *
 * If the app leaves such a rejection uncaught, nothing of it is broken. Otherwise any client could have threads and workers replaced, by
 * leaving or by HEAD.
 */

const reasons = new WeakSet<object>();

export function abortReason(message: string, name: string): DOMException {
  const reason = new DOMException(message, name);
  reasons.add(reason);
  return reason;
}

/** Of an uncaught exception: nobody has caught one of these errors, or one that Node has made of it for its own `signal` options. */
export function isUncaughtAbort(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): boolean {
  return origin === "unhandledRejection" && (isReason(error) || (error instanceof Error && isReason(error.cause)));
}

function isReason(error: unknown): boolean {
  return typeof error === "object" && error !== null && reasons.has(error);
}

export const UNCAUGHT_ABORT: string =
  "a promise that was rejected because its request had ended (its client left, say) was not caught. heddle goes on; under node the process would end. Catch it, as with any promise that nothing awaits.";
