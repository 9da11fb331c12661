/**
 * The form in which others learn of an exit reason. It is a copy, as a message is: on one thread as across threads, an object of
 * a class becomes a plain object, and an error of the program's own class becomes an Error with its name and properties. So
 * nobody gets hold of an object that the actor that failed still uses, and a check such as `reason instanceof DbError` does not
 * work only until the two are on different threads.
 *
 * A reason is copied once, where it came up, and not at each of the actors that die of it one after the other: those of one
 * thread that learn of the exit share the copy.
 */

import { copy } from "../../runtime/copy/copy.ts";
import type { ExitReason } from "../process/exit-reason.ts";

const copies: WeakSet<object> = new WeakSet();

/** Never throws: if a reason cannot be copied, others learn why not. */
export function toldReason(reason: ExitReason): ExitReason {
  if (isPrimitive(reason) || copies.has(reason)) return reason;
  const told = copyOf(reason);
  if (!isPrimitive(told)) copies.add(told);
  return told;
}

function copyOf(reason: ExitReason): ExitReason {
  try {
    return copy(reason);
  } catch (error) {
    return copy(error as Error);
  }
}

function isPrimitive(reason: ExitReason): reason is Exclude<ExitReason, object> {
  return (typeof reason !== "object" && typeof reason !== "function" && typeof reason !== "symbol") || reason === null;
}
