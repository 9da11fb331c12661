/**
 * Where code is parked. Remembering that at every park would cost more than the park. Instead the waiter's promise is resolved
 * with a thenable: V8 calls its `then` in a job that belongs to the promise, and a stack taken there shows which async functions
 * await it. Nothing of the program runs, and the waiter works as before: what wakes it resolves the thenable.
 *
 * Call it in a turn of the loop of its own, never while other code of the thread is in the middle of something.
 */

import { ownFrames } from "./stack-frames.ts";

const FRAMES = 20;

/** Whatever waits for a promise that this library settles. `settle`: undefined when it does not wait. */
export interface Settled {
  settle: ((result: unknown) => void) | undefined;
}

/** The async functions that wait, the innermost first. Empty: nobody awaits it. */
export function placeOf(waiter: Settled): Promise<readonly string[]> {
  const { settle } = waiter;
  if (settle === undefined) return Promise.resolve([]);
  let early: { readonly result: unknown } | undefined;
  // It may be woken before the job.
  waiter.settle = (result) => {
    early = { result };
  };
  return new Promise((tell) => {
    settle({
      // oxlint-disable-next-line no-thenable -- see above
      then: (resolve: (result: unknown) => void) => {
        const { stackTraceLimit } = Error;
        const taken: { readonly stack?: unknown } = {};
        Error.stackTraceLimit = FRAMES;
        Error.captureStackTrace(taken);
        Error.stackTraceLimit = stackTraceLimit;
        if (early === undefined) waiter.settle = resolve;
        else resolve(early.result);
        tell(ownFrames(taken.stack));
      },
    });
  });
}
