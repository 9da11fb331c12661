/** Checks what an app gives: names, numbers and times. */

import { HeddleError } from "../errors/errors.ts";
import { MAX_NAME_BYTES, NO_TTL } from "./protocol.ts";

/** @throws HeddleError SHARED_INVALID, SHARED_TOO_LARGE */
export function checkKey(key: unknown): void {
  checkName("a key", key);
}

/** @throws HeddleError SHARED_INVALID, SHARED_TOO_LARGE */
export function checkNamespace(name: unknown): void {
  checkName("a namespace's name", name);
}

/** @throws HeddleError SHARED_INVALID, SHARED_TOO_LARGE */
export function checkChannel(name: unknown): void {
  checkName("a channel's name", name);
}

/** @throws HeddleError SHARED_INVALID */
export function checkListener(what: string, listener: unknown): void {
  if (typeof listener === "function") return;
  throw new HeddleError("SHARED_INVALID", `${what} must be a function, and got ${typeof listener}.`);
}

function checkName(what: string, name: unknown): void {
  if (typeof name !== "string" || name === "") {
    const got = name === "" ? "an empty one" : typeof name;
    throw new HeddleError("SHARED_INVALID", `${what} must be a string that is not empty, and got ${got}.`);
  }
  // Two such names could become the same bytes.
  if (!name.isWellFormed()) {
    throw new HeddleError("SHARED_INVALID", `${what} holds half of a surrogate pair: ${JSON.stringify(name)}.`);
  }
  const bytes = name.length > MAX_NAME_BYTES ? name.length : Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return;
  throw new HeddleError("SHARED_TOO_LARGE", `${what} may have ${MAX_NAME_BYTES} bytes in UTF-8, and got ${bytes}.`, {
    hint: "Use a hash of it.",
  });
}

/** @throws HeddleError SHARED_INVALID */
export function checkNumber(by: unknown): number {
  if (typeof by === "number" && Number.isFinite(by)) return by;
  throw new HeddleError("SHARED_INVALID", `increment() adds a finite number, and got ${String(by)}.`);
}

/** @throws HeddleError SHARED_INVALID */
export function ttlOf({ ttlMs }: { readonly ttlMs?: number | undefined }): number {
  if (ttlMs === undefined || ttlMs === Infinity) return NO_TTL;
  if (typeof ttlMs === "number" && ttlMs > 0) return ttlMs;
  throw new HeddleError("SHARED_INVALID", `a time must be a number of milliseconds above 0, and got ${String(ttlMs)}.`);
}
