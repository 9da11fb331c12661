/**
 * Values that move to the other thread instead of being copied: `transfer(value, [buffer])` where an argument or a
 * result is given. The list is remembered beside the value, which stays what it is, so that types and the code on
 * the other side know nothing of it.
 */

import type { Transferable } from "node:worker_threads";
import { perThread } from "../../kit/per-thread.ts";

const lists: WeakMap<object, readonly Transferable[]> = perThread(
  "transfers",
  () => new WeakMap<object, readonly Transferable[]>(),
);

/**
 * Says that `list` (ArrayBuffers, MessagePorts, streams) moves when `value` is next sent as an argument or result. Here they are
 * empty afterwards.
 *
 *     return transfer(pixels, [pixels.buffer]);
 */
export function transfer<T extends object>(value: T, list: readonly Transferable[]): T {
  lists.set(value, list);
  return value;
}

/** What moves with these values: they themselves were marked, not what is inside them. */
export function transferOf(values: readonly unknown[]): Transferable[] {
  return values.flatMap((value) => (typeof value === "object" && value !== null ? (lists.get(value) ?? []) : []));
}
