/** The arguments of `receive`: a function that selects a message, or `{ timeoutMs }`, or both. */

import type { HeddleError } from "../../errors/errors.ts";
import { invalid, isRecord } from "./arguments.ts";

/** `match` may be the options, if they are the only argument. undefined: both are right, but for the number itself. */
export function wrongReceive(match: unknown, options: unknown): HeddleError | undefined {
  const matches = typeof match === "function" || match === undefined || (options === undefined && isTimeout(match));
  if (!matches)
    return invalid("the first argument of receive()", "a function, or options such as { timeoutMs: 100 }", match);
  if (options === undefined || isTimeout(options)) return undefined;
  return invalid("the options of receive()", "an object such as { timeoutMs: 100 }", options);
}

function isTimeout(value: unknown): boolean {
  return isRecord(value) && "timeoutMs" in value;
}
