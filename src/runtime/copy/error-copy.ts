/**
 * Errors in messages. An error arrives with its class (built-in, or registered: error-classes.ts), name, message and stack, and
 * with its own properties as far as they are data: `cause`, the `errors` of an AggregateError, `code`, `details` … What can't
 * be copied is left out, because an error must always arrive.
 */

import { revive, toWire, type WireError } from "../../errors/errors.ts";
import { classAt, type ClassAddress, classOf } from "./error-classes.ts";
import { isReference } from "./references.ts";

/** What is sent: plain data, except `own`, which is copied as a part of the message. */
export interface ErrorData {
  readonly wire: WireError;
  readonly class?: ClassAddress;
  readonly own: Record<string, unknown>;
}

/** These are in the wire form. */
const inWire: ReadonlySet<string> = new Set(["name", "message", "stack"]);
/** An error's own, though not enumerable. */
const hidden: readonly string[] = ["cause", "errors"];

/** The properties are copied by `copyPart`, which may throw. `begin` gets the data before the first one: errors may be circular. */
export function copyError<T>(
  error: Error,
  begin: (data: ErrorData) => T,
  copyPart: (part: unknown, name: string) => unknown,
): T {
  const { cause: _cause, errors, ...wire } = toWire(error);
  const address = classOf(error);
  const own: Record<string, unknown> = {};
  const result = begin({
    wire: errors === undefined ? wire : { ...wire, errors: [] },
    ...(address === undefined ? {} : { class: address }),
    own,
  });
  for (const name of new Set([...hidden, ...Object.keys(error)])) {
    if (inWire.has(name) || !Object.hasOwn(error, name)) continue;
    try {
      const part = (error as unknown as Record<string, unknown>)[name];
      if (name === "cause" || isData(part)) own[name] = copyPart(part, name);
    } catch {
      // The text of a cause tells at least something.
      if (name === "cause") own[name] = copyPart(revive(toWire(error.cause)), name);
    }
  }
  return result;
}

/** Not the sockets and requests that libraries hang on their errors. */
function isData(part: unknown): boolean {
  if (typeof part !== "object" || part === null || Array.isArray(part) || part instanceof Error) return true;
  const prototype: unknown = Object.getPrototypeOf(part);
  if (prototype === Object.prototype || prototype === null || isReference(part)) return true;
  return Object.prototype.toString.call(part) !== "[object Object]";
}

/** The error, still without its own properties. */
export function beginError({ wire, class: address }: ErrorData): Error {
  const error = revive(wire) as Error;
  const Class = address === undefined ? undefined : classAt(address);
  if (Class === undefined) return error;
  const { name } = error;
  Object.setPrototypeOf(error, Class.prototype as object);
  if (Object.hasOwn(error, "name")) {
    delete (error as { name?: string }).name;
    if (error.name !== name) Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  }
  return error;
}

/** Gives it its own properties, copied. */
export function finishError(error: Error, own: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(own)) {
    const enumerable = !hidden.includes(name);
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  }
}
