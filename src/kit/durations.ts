/**
 * Lengths of time that a program gives, in milliseconds: the same everywhere in the libraries. Fractions count. `Infinity` is
 * without end. 0 or less is over at once: programs compute `deadline - now`. What is no number, NaN included, is refused.
 */

import { HeddleError, type ErrorCode } from "../errors/errors.ts";

export function isDuration(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(value);
}

/** `what`: how the message calls it, such as "the timeout of a call". */
export function badDuration(code: ErrorCode, what: string, got: unknown): HeddleError {
  return new HeddleError(code, `${what} must be a number of milliseconds, and is ${show(got)}.`, {
    hint: "Infinity is without end; 0 or less is over at once.",
  });
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
