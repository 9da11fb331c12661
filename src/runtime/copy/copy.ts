/**
 * Copies messages. A message between actors is always copied, even on one thread, so that nobody can change what another
 * one holds. `copy` is for a receiver on this thread. `pack` and `unpack` are for another thread: there `postMessage` clones
 * once more, but later and for many messages at once, so the sender would not get its own error.
 *
 * A message may contain everything that structured clone takes, and *references* (pids and others), which keep their identity.
 * - Small plain data (primitives, plain objects, arrays) is copied here, quickly. A part that occurs twice becomes two, as in
 *   Erlang. Large, deeply nested or circular data gets the deep copy, which keeps the graph's shape.
 * - Deeply frozen plain data is not copied within a thread: nobody can change it.
 * - Objects of classes become plain objects, as with structured clone. Errors keep their class if it is built-in or registered
 *   (error-classes.ts), name, message, stack, cause, and own properties that are data.
 * - Properties with symbol keys are not part of a message.
 * - Objects may be nested `MAX_DEPTH` deep (deep-copy.ts), whatever the receiver's thread.
 *
 * Invariants
 * - Sending a function, or anything else that cannot be copied, throws `NOT_CLONEABLE` at once, with the path to it.
 * - After the call the sender may change or transfer away what it sent.
 * - No property of a message can be mistaken for a reference: references are recognised by identity, not by a key.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { deepCopy } from "./deep-copy.ts";
import { pack, unpack } from "./message-packing.ts";
import { notQuick, quickCopy } from "./quick-copy.ts";

/**
 * A copy of a message for a receiver on this thread.
 *
 * @throws NOT_CLONEABLE if a part of it is a function, a symbol, or an object that cannot be cloned.
 */
export function copy<T>(value: T, transfer?: readonly Transferable[]): T {
  if (typeof value !== "object" || value === null) {
    if (typeof value === "function" || typeof value === "symbol") throw notCloneable(value);
    return value;
  }
  if (transfer !== undefined && transfer.length > 0) return move(value, transfer) as T;
  const quick = quickCopy(value);
  return (quick === notQuick ? deepCopy(value) : quick) as T;
}

/** Packs and unpacks, as for another thread: only the engine can transfer objects. */
function move(value: unknown, transfer: readonly Transferable[]): unknown {
  const packed = pack(value, transfer);
  try {
    const moved = structuredClone(packed, { transfer: [...transfer] as never });
    return unpack(moved.value, moved.markers);
  } catch (cause) {
    throw new HeddleError("NOT_CLONEABLE", `a message cannot be moved: ${messageOf(cause)}`, { cause });
  }
}

function notCloneable(value: unknown): HeddleError {
  return new HeddleError(
    "NOT_CLONEABLE",
    `a message cannot be ${typeof value === "symbol" ? "a symbol" : "a function"}`,
  );
}
