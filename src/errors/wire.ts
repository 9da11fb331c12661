/**
 * The form in which an error crosses a process or thread boundary: plain JSON data, the same over `process.send`,
 * `postMessage` and the control socket.
 *
 * Invariants: `toWire` never throws, whatever the app threw; its result is bounded in depth and in size, so that an
 * error cannot become a memory leak in the parent; `fromWire` gives back an error with the sender's code, name and
 * stack, because a stack from this side would point at the message port.
 */

import { HeddleError, messageOf } from "./heddle-error.ts";
import { isErrorCode, type ErrorCode } from "./table.ts";

export interface WireError {
  readonly code: ErrorCode;
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly hint?: string;
  readonly cause?: WireError;
}

/** Longer chains are circular or generated: nobody reads a ninth cause. */
const maxCauses = 8;
/** Several times a full V8 stack of ten frames. */
const maxTextLength = 16_384;

export function toWire(error: unknown, causesLeft: number = maxCauses): WireError {
  const code = read(error, "code");
  const stack = text(error, "stack");
  const hint = text(error, "hint");
  const cause = causesLeft > 0 ? read(error, "cause") : undefined;
  return {
    code: isInstance(error, HeddleError) && isErrorCode(code) ? code : "INTERNAL",
    name: text(error, "name") ?? "Error",
    message: cut(messageOf(error)),
    ...(stack === undefined ? {} : { stack }),
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: toWire(cause, causesLeft - 1) }),
  };
}

export function fromWire(wire: WireError): HeddleError {
  const code = isErrorCode(wire.code) ? wire.code : "INTERNAL";
  const error = new HeddleError(code, wire.message, {
    hint: wire.hint,
    ...(wire.cause === undefined ? {} : { cause: fromWire(wire.cause) }),
  });
  restore(error, "name", wire.name);
  restore(error, "stack", wire.stack ?? `${wire.name}: ${wire.message}`);
  return error;
}

function restore(error: Error, property: "name" | "stack", value: string): void {
  Object.defineProperty(error, property, { value, configurable: true, writable: true, enumerable: false });
}

function isInstance(value: unknown, type: typeof HeddleError): boolean {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** A property of a thrown value; a getter or proxy trap that throws counts as absent. */
function read(value: unknown, property: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[property];
  } catch {
    return undefined;
  }
}

function text(value: unknown, property: string): string | undefined {
  const found = read(value, property);
  return typeof found === "string" ? cut(found) : undefined;
}

function cut(value: string): string {
  return value.length <= maxTextLength ? value : `${value.slice(0, maxTextLength)}…`;
}
