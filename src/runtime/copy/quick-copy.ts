/**
 * The quick copy, for small plain data, which most messages are. On anything else it gives up at once.
 *
 * Spreading an object copies it in one step if V8 has seen its shape before. Walking the copy costs about as much again.
 * Rejected: building the copy property by property (half as fast).
 */

import { isReference } from "./references.ts";

/** With more objects than this in one message, the graph counts as large, and gets the deep copy. */
const MAX_QUICK_OBJECTS = 200;
/** Beyond this nesting the quick copy gives up: the data is circular, or nearly so. */
const MAX_QUICK_DEPTH = 30;

/** The quick copy gave up. */
export const notQuick: unique symbol = Symbol("not quick");

/** Frozen objects known to be frozen all the way down. */
const deeplyFrozen: WeakSet<object> = new WeakSet();

let objectsLeft = 0;
let keepReferences = true;

/** Keeps references as they are, for a receiver on this thread. */
export function quickCopy(value: object): unknown {
  keepReferences = true;
  if (value.constructor !== Object) {
    objectsLeft = MAX_QUICK_OBJECTS;
    return copyQuickly(value, MAX_QUICK_DEPTH);
  }
  // Most messages are flat, or hold a pid or two: no counting of objects until there is one.
  const result: Record<string, unknown> = { ...value };
  for (const key in result) {
    const part = result[key];
    // Comparing `typeof` is machine code. Its result in a variable is a call.
    if (typeof part === "number" || typeof part === "string" || typeof part === "boolean") continue;
    if (typeof part !== "object" || (part !== null && !isReference(part))) {
      objectsLeft = MAX_QUICK_OBJECTS - 1;
      return copyParts(value, result, MAX_QUICK_DEPTH);
    }
  }
  return result;
}

/** For posting to another thread: gives up on references. */
export function quickCopyToPost(value: object): unknown {
  objectsLeft = MAX_QUICK_OBJECTS;
  keepReferences = false;
  return copyQuickly(value, MAX_QUICK_DEPTH);
}

function copyQuickly(value: object, depth: number): unknown {
  if (--objectsLeft < 0 || depth === 0) return notQuick;
  // True for a plain object. An object that only looks plain becomes a plain object anyway.
  if (value.constructor !== Object) {
    // An array of a class of the program becomes a plain array: by the deep copy.
    if (Array.isArray(value)) return value.constructor === Array ? copyArray(value, depth) : notQuick;
    return keepReferences && isReference(value) ? value : notQuick;
  }
  return copyParts(value, { ...value }, depth);
}

/** Replaces the parts of an object's flat copy by copies. */
function copyParts(value: object, result: Record<string, unknown>, depth: number): unknown {
  let first = true;
  for (const key in result) {
    const part = result[key];
    if (typeof part === "object") {
      if (part === null) continue;
      // Frozen flat objects are copied too: checking whether they are frozen takes as long.
      if (first && keepReferences && Object.isFrozen(value) && isDeeplyFrozen(value)) return value;
      first = false;
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
  if (keepReferences && Object.isFrozen(value) && isDeeplyFrozen(value)) return value;
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

/** Whether plain data is frozen all the way down. A positive result is cached. */
function isDeeplyFrozen(value: object, depth: number = MAX_QUICK_DEPTH): boolean {
  if (deeplyFrozen.has(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== (Array.isArray(value) ? Array.prototype : Object.prototype)) return isReference(value);
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
