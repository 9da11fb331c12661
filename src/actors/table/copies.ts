/** The copies of tables on this thread, as the homes of the tables keep them. The home's own copy is one of them. */

import { unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import { onMessage, onThreadGone } from "../messaging/remote.ts";

export type Key = string | number;
export type Access = "protected" | "public";

export interface Copy {
  readonly name: string;
  readonly home: number;
  /** Of this table among those that had the same name at the same home. */
  readonly number: number;
  readonly access: Access;
  readonly map: Map<Key, unknown>;
  isGone: boolean;
}

/** By name: those that exist, as far as this thread knows. */
export const copies: Map<string, Copy> = new Map();

/** A change, as the home tells it. */
export type Change = readonly ["set", Key, Packed] | readonly ["delete", Key] | readonly ["clear"];

export function apply({ map }: Copy, [op, key, value]: Change): void {
  if (op === "set") map.set(key, frozen(unpack(value.value, value.markers)));
  else if (op === "delete") map.delete(key);
  else map.clear();
}

/** A table has a new home only when the one before is gone, though the news of that may not have come yet. */
export function keep(copy: Copy): void {
  const before = copies.get(copy.name);
  if (before !== undefined) forget(before);
  copies.set(copy.name, copy);
}

export function forget(copy: Copy): void {
  copy.isGone = true;
  copy.map.clear();
  if (copies.get(copy.name) === copy) copies.delete(copy.name);
}

/** Frozen plain data need not be copied for each reader. */
function frozen(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part);
  return value;
}

function known(name: string, home: number, number: number): Copy | undefined {
  const copy = copies.get(name);
  return copy?.home === home && copy.number === number ? copy : undefined;
}

/** Before the answer to `tableOpen`, so that no change can come before it. */
onMessage("tableCopy", (home: number, name: string, number: number, access: Access, changes: readonly Change[]) => {
  if (known(name, home, number) !== undefined) return;
  const copy: Copy = { name, home, number, access, map: new Map(), isGone: false };
  for (const change of changes) apply(copy, change);
  keep(copy);
});

onMessage("tableChange", (home: number, name: string, number: number, change: Change) => {
  const copy = known(name, home, number);
  if (copy !== undefined) apply(copy, change);
});

onMessage("tableGone", (home: number, name: string, number: number) => {
  const copy = known(name, home, number);
  if (copy !== undefined) forget(copy);
});

onThreadGone((gone) => {
  for (const copy of copies.values()) if (copy.home === gone) forget(copy);
});
