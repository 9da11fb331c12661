/**
 * Why actors exit. A reason is any value that can be in a message. Some have the same meaning as in Erlang: `"normal"` (it has
 * done its work), `"shutdown"` and `{ shutdown: … }` (it was asked to stop), `"kill"` (an exit signal that cannot be trapped)
 * and `"killed"` (it got one), `"noproc"` (there is no such actor), `"noconnection"` (its thread has ended). If an actor
 * throws, the thrown value is its reason.
 */

import { isDeepStrictEqual } from "node:util";
import { HeddleError, messageOf, type ErrorCode } from "../../errors/errors.ts";

export type ExitReason =
  | "normal"
  | "shutdown"
  | "kill"
  | "killed"
  | "noproc"
  | "noconnection"
  | { readonly shutdown: unknown }
  | Any;

/** Anything that can be in a message. Written so that an editor still proposes the reasons above. */
type Any = object | (string & Record<never, never>) | number | boolean | bigint | null;

/**
 * An actor has exited, or a call to it failed. `reason` says why. An actor that throws one exits with its reason: `throw new
 * ExitError("shutdown")` does the same as `self.exit("shutdown")`. By convention it is not caught.
 */
export class ExitError extends HeddleError {
  override readonly name: string = "ExitError";
  readonly reason: ExitReason;

  constructor(reason: ExitReason, code: ErrorCode = "ACTOR_EXITED", message: string = `exit: ${reasonText(reason)}`) {
    super(code, message, reason instanceof Error ? { cause: reason } : {});
    this.reason = reason;
  }
}

/** A call failed because its server exited meanwhile. Any other failure is an ExitError. */
export class ServerExited extends ExitError {}

/** A server has not started because its `init` returned `ignore`. Any other failed start gives an ExitError. */
export class StartIgnored extends ExitError {}

/** The exit reason for a thrown value. Whoever gets it can look at it. */
export function reasonOf(thrown: unknown): ExitReason {
  try {
    if (thrown instanceof ExitError) return thrown.reason;
  } catch {
    return new Error("an actor threw a value that cannot be read");
  }
  return thrown === undefined ? new Error("an actor threw undefined") : thrown;
}

/** Whether it is a crash, and not an exit on purpose. */
export function isCrash(thrown: unknown): boolean {
  try {
    return !(thrown instanceof ExitError);
  } catch {
    return true;
  }
}

/** Whether a transient child that exits for this reason has finished its work. */
export function isCleanExit(reason: ExitReason): boolean {
  return reason === "normal" || isShutdown(reason);
}

/** `shutdown`, or plain data with that property. An error or an object of a class with such a property is another reason. */
export function isShutdown(reason: ExitReason): boolean {
  if (reason === "shutdown") return true;
  return (
    typeof reason === "object" && reason !== null && !(reason instanceof Error) && Object.hasOwn(reason, "shutdown")
  );
}

export function sameReason(a: ExitReason, b: ExitReason): boolean {
  return Object.is(a, b) || isDeepStrictEqual(a, b);
}

export function reasonText(reason: ExitReason): string {
  return typeof reason === "string" ? reason : messageOf(reason);
}
