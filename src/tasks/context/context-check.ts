/** Refuses arguments that are no contexts, such as an AbortSignal. */

import { HeddleError } from "../../errors/errors.ts";
import { Context } from "./context.ts";

/** The error, if the value is neither a context nor undefined. `user`: whose argument it is. */
export function notAContext(value: unknown, user: string): HeddleError | undefined {
  if (value === undefined || value instanceof Context) return undefined;
  const got = typeof value === "object" && value !== null ? value.constructor?.name : typeof value;
  return new HeddleError("TASK_INVALID", `${user} needs a Context, and got ${got ?? "an object"}.`, {
    hint: "Context.background().withCancel() makes one.",
  });
}

/** @throws HeddleError TASK_INVALID */
export function checkContext(value: unknown, user: string): void {
  const error = notAContext(value, user);
  if (error !== undefined) throw error;
}
