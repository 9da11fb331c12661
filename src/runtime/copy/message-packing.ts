/**
 * The form of a message on its way to another thread: a snapshot taken at the sender, with markers in place of references, and
 * the meaning of the markers. Structured clone keeps identities within one message, so an arriving marker is recognised by
 * identity.
 */

import { deepCopyToPost, ERROR_TAG, type Marker } from "./deep-copy.ts";
import { notQuick, quickCopyToPost } from "./quick-copy.ts";
import { beginError, type ErrorData, finishError } from "./error-copy.ts";
import { boundIn } from "./process-bound.ts";
import { decodeReference } from "./references.ts";

export interface Packed {
  readonly value: unknown;
  /** Absent if the value contains no references and no errors. */
  readonly markers?: readonly Marker[];
}

/**
 * A snapshot to be posted, with the transfer list `transfer`.
 *
 * @throws NOT_CLONEABLE as `copy` does.
 */
export function pack(value: unknown, transfer: readonly unknown[] = []): Packed {
  if ((typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol") || value === null) {
    return { value };
  }
  if (typeof value === "object" && transfer.length === 0) {
    const quick = quickCopyToPost(value);
    if (quick !== notQuick) return { value: quick };
  }
  const copied = deepCopyToPost(value, transfer);
  // The list is kept if something was noted of it.
  return copied.markers.length === 0 && boundIn([copied]) === undefined ? { value: copied.value } : copied;
}

/** Puts the references back, in place: the value belongs to this thread alone. */
export function unpack(value: unknown, markers: readonly Marker[] | undefined): unknown {
  if (markers === undefined) return value;
  const meant = new Map<unknown, unknown>();
  const errors: [error: Error, own: Record<string, unknown>][] = [];
  for (const [marker, tag, data, module] of markers) {
    if (tag === ERROR_TAG) {
      const error = beginError(data as ErrorData);
      meant.set(marker, error);
      errors.push([error, (data as ErrorData).own]);
    } else {
      meant.set(marker, decodeReference(tag, data, module));
    }
  }
  const seen = new Set<object>();
  // Their properties may contain each other.
  for (const [error, own] of errors) finishError(error, restore(own, meant, seen) as Record<string, unknown>);
  return restore(value, meant, seen);
}

function restore(value: unknown, meant: ReadonlyMap<unknown, unknown>, seen: Set<object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (meant.has(value)) return meant.get(value);
  if (seen.has(value)) return value;
  seen.add(value);
  if (value instanceof Map) restoreMap(value, meant, seen);
  else if (value instanceof Set) restoreSet(value, meant, seen);
  else if (!ArrayBuffer.isView(value)) restoreProperties(value as Record<string, unknown>, meant, seen);
  return value;
}

function restoreProperties(
  value: Record<string, unknown>,
  meant: ReadonlyMap<unknown, unknown>,
  seen: Set<object>,
): void {
  for (const key of Object.keys(value)) {
    const part = value[key];
    if (typeof part === "object" && part !== null) value[key] = restore(part, meant, seen);
  }
}

function restoreMap(map: Map<unknown, unknown>, meant: ReadonlyMap<unknown, unknown>, seen: Set<object>): void {
  const entries = [...map];
  map.clear();
  for (const [key, part] of entries) map.set(restore(key, meant, seen), restore(part, meant, seen));
}

function restoreSet(set: Set<unknown>, meant: ReadonlyMap<unknown, unknown>, seen: Set<object>): void {
  const members = [...set];
  set.clear();
  for (const part of members) set.add(restore(part, meant, seen));
}
