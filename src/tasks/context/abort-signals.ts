/** Contexts that follow an AbortSignal. The other direction is `Context.signal`. */

import { HeddleError } from "../../errors/errors.ts";
import { canceled } from "./canceled.ts";
import type { CancelableContext } from "./context.ts";

/** Makes a context that the signal cancels. */
export function followSignal(make: () => CancelableContext, signal: AbortSignal): CancelableContext {
  if (!(signal instanceof AbortSignal)) {
    throw new HeddleError("TASK_INVALID", `withSignal() needs an AbortSignal, and got ${typeof signal}.`, {
      hint: "Pass the signal of an AbortController, not the controller.",
    });
  }
  const context = make();
  const follow = (): void => context.cancelWith(...errorOf(signal.reason));
  if (signal.aborted) {
    follow();
    return context;
  }
  signal.addEventListener("abort", follow, { once: true });
  context.onCancel(() => signal.removeEventListener("abort", follow));
  return context;
}

/** The context's error and cause, for an abort's reason. */
function errorOf(reason: unknown): [error: HeddleError, cause: unknown] {
  // The signal of a context.
  if (reason instanceof HeddleError && (reason.code === "CANCELED" || reason.code === "DEADLINE_EXCEEDED")) {
    return [reason, reason.cause];
  }
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return [new HeddleError("DEADLINE_EXCEEDED", "the time of the context's signal is up.", { cause: reason }), reason];
  }
  return [canceled("the context's signal was aborted", reason), reason];
}
