/**
 * Copies messages. A message between actors is always copied, also on one thread: nobody can change what another one
 * holds. `copy` is for the receiver on this thread; `pack` and `unpack` are for another thread, where `postMessage`
 * clones once more, later and for many messages at once, so that the sender's mistake would not be seen at the sender.
 *
 * What is a message: everything structured clone takes, and *references* (pids and the like), which stay what they are.
 * - Small plain data (primitives, plain objects, arrays) is copied here, quickly, and a part it holds twice becomes two,
 *   as in Erlang. What is large, nested deeply or circular goes to the thorough copy, which keeps the graph's shape.
 * - Deeply frozen plain data is not copied within a thread: nobody can change it.
 * - Objects of classes become plain objects, as with structured clone. Errors keep their built-in class, name, message, stack, code and cause.
 * - Properties whose keys are symbols are no part of a message.
 *
 * Invariants
 * - Whoever sends a function or anything else that cannot be copied gets `NOT_CLONEABLE` at once, with the path to it.
 * - After the call the sender may change or transfer away what it sent.
 * - No property of a message can be mistaken for a reference: references are found by identity, not by a key.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError } from "../../errors/errors.ts";
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

/** As to another thread and back: only the engine can move things. */
function move(value: unknown, transfer: readonly Transferable[]): unknown {
  const packed = pack(value, transfer);
  const moved = structuredClone(packed, { transfer: [...transfer] as never });
  return unpack(moved.value, moved.markers);
}

function notCloneable(value: unknown): HeddleError {
  return new HeddleError(
    "NOT_CLONEABLE",
    `a message cannot be ${typeof value === "symbol" ? "a symbol" : "a function"}`,
  );
}
