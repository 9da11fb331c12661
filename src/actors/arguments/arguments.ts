/**
 * The border of the library: what its public functions are given is checked where it comes in, once. A wrong argument is an
 * ACTOR_INVALID that says what it is, what it should be and what it was. So it fails at the call that is wrong, and not
 * later, on another thread, or in the actor's end, where nobody could tell whose mistake it was.
 *
 * Functions that return a promise reject; all others throw. Inside the library nothing is checked again.
 */

import { inspect } from "node:util";
import { HeddleError } from "../../errors/errors.ts";
import { badDuration, isDuration } from "../../kit/durations.ts";
import { copy } from "../../runtime/copy/copy.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import { Pid } from "../process/pid.ts";
import { Via } from "../registry/via.ts";

/** `what`: the argument, such as "the target of link()". `right`: what it should be, such as "a pid". */
export function invalid(what: string, right: string, got: unknown, hint?: string): HeddleError {
  return new HeddleError("ACTOR_INVALID", `${what} must be ${right}, and got ${show(got)}.`, { hint });
}

/** A short text of any value. Never throws. */
export function show(value: unknown): string {
  try {
    const text =
      typeof value === "string"
        ? JSON.stringify(value)
        : inspect(value, { depth: 0, breakLength: Infinity, maxArrayLength: 5 });
    return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
  } catch {
    return `something of type ${typeof value} that cannot be shown`;
  }
}

export function mustBePid(value: unknown, what: string): asserts value is Pid {
  if (value instanceof Pid) return;
  const hint =
    value instanceof Via
      ? "The registry's whereis(key) gives the pid that has the key now."
      : "spawn() returns pids; whereis() finds that of a name.";
  throw invalid(what, "a pid", value, hint);
}

/** For functions that take either. */
export function notAnAddress(value: unknown, what: string): HeddleError {
  return invalid(what, "a pid or the name of an actor", value, "spawn() returns pids; register() gives names.");
}

export function mustBeText(value: unknown, what: string): asserts value is string {
  if (typeof value !== "string") throw invalid(what, "a string", value);
}

/** Of a registry or a table. */
export function mustBeKey(value: unknown, what: string): asserts value is string | number {
  const isKey = typeof value === "string" || (typeof value === "number" && !Number.isNaN(value));
  if (!isKey) throw invalid(what, "a string or a number", value);
}

/** What a registry or a table is called. */
export function mustBeTitle(value: unknown, what: string): asserts value is string {
  if (typeof value !== "string" || value === "") throw invalid(what, "a string that is not empty", value);
}

export function mustBeDuration(value: unknown, what: string): asserts value is number {
  if (!isDuration(value)) throw badDuration("ACTOR_INVALID", what, value);
}

export function mustBeFunction(value: unknown, what: string): void {
  if (typeof value !== "function") throw invalid(what, "a function", value);
}

export function mustBeBoolean(value: unknown, what: string): void {
  if (typeof value !== "boolean") throw invalid(what, "true or false", value);
}

export function mustBeArray(value: unknown, what: string): void {
  if (!Array.isArray(value)) throw invalid(what, "an array", value);
}

/** Options: an object of named values. */
export function mustBeOptions(value: unknown, what: string, example: string): void {
  if (!isRecord(value)) throw invalid(what, `an object such as ${example}`, value);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The number of a monitor. */
export function mustBeRef(value: unknown, what: string): void {
  if (!Number.isSafeInteger(value)) throw invalid(what, "the number that monitor() returned", value);
}

/** A copy of an exit reason that a program sends. @throws NOT_CLONEABLE */
export function sentReason(reason: ExitReason, what: string): ExitReason {
  if (reason === undefined) throw invalid(what, 'a reason such as "normal", "shutdown", "kill" or an error', reason);
  return copy(reason);
}
