/** Durations that a program passes, in milliseconds; the same rules everywhere in the libraries. Fractions count. `Infinity` is
 * no limit. 0 or less ends at once, because programs compute `deadline - now`. NaN and values that are not numbers are refused.
 */

import { HeddleError, type ErrorCode } from "../errors/errors.ts";

export function isDuration(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}

/** `what`: its name in the message, such as "the timeout of a call". */
export function badDuration(code: ErrorCode, what: string, got: unknown): HeddleError {
  return new HeddleError(code, `${what} must be a number of milliseconds, and is ${show(got)}.`, {
    hint: "Infinity is without end; 0 or less is over at once.",
  });
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
