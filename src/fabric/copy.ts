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
import { HeddleError } from "../errors/errors.ts";
import { deepCopy } from "./deep-copy.ts";
import { pack, unpack } from "./packing.ts";
import { isReference } from "./references.ts";

/** Objects in one message beyond which a graph is taken to be large, and copied with care for its shape. */
const MAX_QUICK_OBJECTS = 200;
/** Nesting beyond which the quick copy gives up: a circle, or close to it. */
const MAX_QUICK_DEPTH = 30;

const notQuick: unique symbol = Symbol("not quick");

/** Frozen objects known to be frozen all the way down. */
const deeplyFrozen: WeakSet<object> = new WeakSet();

let objectsLeft = 0;

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
  objectsLeft = MAX_QUICK_OBJECTS;
  const quick = copyQuickly(value, MAX_QUICK_DEPTH);
  return (quick === notQuick ? deepCopy(value) : quick) as T;
}

/** As to another thread and back: only the engine can move things. */
function move(value: unknown, transfer: readonly Transferable[]): unknown {
  const packed = pack(value, transfer);
  const moved = structuredClone(packed, { transfer: [...transfer] as never });
  return unpack(moved.value, moved.markers);
}

function copyQuickly(value: object, depth: number): unknown {
  if (--objectsLeft < 0 || depth === 0) return notQuick;
  if (Array.isArray(value)) return copyArray(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) return isReference(value) ? value : notQuick;
  if (Object.isFrozen(value) && isDeeplyFrozen(value)) return value;
  const result: Record<string, unknown> = { ...value };
  for (const key in result) {
    const part = result[key];
    if (typeof part === "object") {
      if (part === null) continue;
      const copied = copyQuickly(part, depth - 1);
      if (copied === notQuick) return notQuick;
      result[key] = copied;
    } else if (typeof part === "function" || typeof part === "symbol") {
      return notQuick;
    }
  }
  return result;
}

function copyArray(value: readonly unknown[], depth: number): unknown {
  if (Object.isFrozen(value) && isDeeplyFrozen(value)) return value;
  const result = value.slice();
  for (let i = 0; i < result.length; i++) {
    const part = result[i];
    if (typeof part === "object") {
      if (part === null) continue;
      const copied = copyQuickly(part, depth - 1);
      if (copied === notQuick) return notQuick;
      result[i] = copied;
    } else if (typeof part === "function" || typeof part === "symbol") {
      return notQuick;
    }
  }
  return result;
}

/** Whether plain data is frozen all the way down. What is found to be is remembered. */
function isDeeplyFrozen(value: object, depth: number = MAX_QUICK_DEPTH): boolean {
  if (deeplyFrozen.has(value)) return true;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return isReference(value);
  if (depth === 0 || !Object.isFrozen(value)) return false;
  for (const key of Reflect.ownKeys(value)) {
    const property = Object.getOwnPropertyDescriptor(value, key)!;
    if (!("value" in property) || typeof key === "symbol") return false;
    const part: unknown = property.value;
    if (typeof part === "function" || typeof part === "symbol") return false;
    if (typeof part === "object" && part !== null && !isDeeplyFrozen(part, depth - 1)) return false;
  }
  deeplyFrozen.add(value);
  return true;
}

function notCloneable(value: unknown): HeddleError {
  return new HeddleError(
    "NOT_CLONEABLE",
    `a message cannot be ${typeof value === "symbol" ? "a symbol" : "a function"}`,
  );
}
