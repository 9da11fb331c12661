/** The transfer lists of values in channels, in case the values go to another thread. Unused if both sides are on this thread. */

import type { Transferable } from "node:worker_threads";
import { transferOf } from "../jobs/transfer.ts";

const moves = new WeakMap<object, readonly Transferable[]>();

export function rememberMoves(value: unknown, transfer: readonly Transferable[]): void {
  if (typeof value === "object" && value !== null) moves.set(value, transfer);
}

/** The value was not sent. */
export function forgetMoves(value: unknown): void {
  if (typeof value === "object" && value !== null) moves.delete(value);
}

export function movesOf(value: unknown): readonly Transferable[] {
  return typeof value === "object" && value !== null ? (moves.get(value) ?? transferOf([value])) : [];
}
