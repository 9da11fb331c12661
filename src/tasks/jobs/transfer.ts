/**
 * Values that are moved to the other thread instead of copied: `transfer(value, [buffer])` as an argument or a result. The
 * list is stored beside the value, which stays unchanged. So types, and the code on the other side, need not know of it.
 */

import type { Transferable } from "node:worker_threads";
import { perThread } from "../../kit/per-thread.ts";

const lists: WeakMap<object, readonly Transferable[]> = perThread(
  "transfers",
  () => new WeakMap<object, readonly Transferable[]>(),
);

/**
 * Marks `list` (ArrayBuffers, MessagePorts, streams) to be moved when `value` is next sent as an argument or result. On this
 * thread they are empty afterwards.
 *
 *     return transfer(pixels, [pixels.buffer]);
 */
export function transfer<T extends object>(value: T, list: readonly Transferable[]): T {
  lists.set(value, list);
  return value;
}

/** The marked objects of these values themselves, not of their parts. */
export function transferOf(values: readonly unknown[]): Transferable[] {
  return values.flatMap((value) => (typeof value === "object" && value !== null ? (lists.get(value) ?? []) : []));
}
