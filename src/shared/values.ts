/**
 * Values as bytes. A number goes as itself, so that it can be incremented. Everything else goes through Node's own serializer:
 * what `structuredClone` copies arrives as it was (Map, Set, Date, BigInt, Error, typed arrays, Buffer). Both ends are instances of
 * one app, so a value never comes from a stranger.
 */

import { HeddleError, messageOf } from "../errors/errors.ts";
import { KIND, NOTHING, NUMBER_BYTES } from "./protocol.ts";
import { deserializeValue, serializeValue } from "./value-serializer.ts";

export interface Packed {
  readonly kind: number;
  readonly bytes: Buffer;
}

export const ABSENT: Packed = { kind: KIND.none, bytes: NOTHING };

/** @throws HeddleError SHARED_NOT_CLONEABLE, SHARED_INVALID */
export function pack(value: unknown): Packed {
  if (typeof value === "number") {
    const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
    bytes.writeDoubleLE(value);
    return { kind: KIND.number, bytes };
  }
  if (value === undefined) {
    throw new HeddleError("SHARED_INVALID", "a shared value can't be undefined, which is what an absent key has.", {
      hint: "Use null, or delete the key.",
    });
  }
  try {
    return { kind: KIND.bytes, bytes: serializeValue(value) };
  } catch (cause) {
    throw new HeddleError("SHARED_NOT_CLONEABLE", `a shared value holds what can't be copied: ${messageOf(cause)}`, {
      cause,
      hint: "Store plain data: no functions, symbols, promises, streams or shared memory.",
    });
  }
}

export function unpack(kind: number, number: number, bytes: Buffer): unknown {
  return kind === KIND.number ? number : deserializeValue(bytes);
}

export function unpackPacked({ kind, bytes }: Packed): unknown {
  return unpack(kind, kind === KIND.number ? bytes.readDoubleLE(0) : 0, bytes);
}
