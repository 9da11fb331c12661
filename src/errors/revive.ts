/** Throws an error of one thread again on another: the caller of a task catches the same error as if the task ran here.
 * Classes of JavaScript and Node keep their class (TypeError, AggregateError, DOMException, HeddleError …). An app's own
 * class becomes an Error with its name, message, code and other plain properties, because this thread may not have the
 * class. A thrown value that is not an error is copied.
 *
 * `fromWire` is for reports, where every error has a code of the table.
 */

import { types } from "node:util";
import { fromWire, type Primitive, restore, toWire, type WireError } from "./wire.ts";

export type WireThrown = { readonly error: WireError } | { readonly value: unknown };

const classes: Readonly<Record<string, new (message?: string, options?: ErrorOptions) => Error>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** Makes any thrown value postable to another thread. Never throws. */
export function packThrown(thrown: unknown): WireThrown {
  if (isError(thrown)) return { error: toWire(thrown) };
  try {
    return { value: structuredClone(thrown) };
  } catch {
    // A function, or an object that contains one: only its text can be sent.
    return { error: toWire(thrown) };
  }
}

export function unpackThrown(wire: WireThrown): unknown {
  return "error" in wire ? revive(wire.error) : wire.value;
}

/** The error (or other thrown value) of the other side. */
export function revive(wire: WireError): Error | Primitive {
  if (wire.value !== undefined) return wire.value;
  if (wire.code !== "INTERNAL" || (wire.name === "HeddleError" && wire.foreign !== true))
    return withCause(fromWire(wire), wire);
  const options = wire.cause === undefined ? {} : { cause: revive(wire.cause) };
  const error = create(wire, options);
  Object.assign(error, wire.props);
  if (error.name !== wire.name) restore(error, "name", wire.name);
  restore(error, "stack", wire.stack ?? `${wire.name}: ${wire.message}`);
  return error;
}

function create(wire: WireError, options: ErrorOptions): Error {
  const { name, message, errors } = wire;
  if (wire.dom === true) return withCause(new DOMException(message, name), wire);
  if (errors !== undefined) return new AggregateError(errors.map(revive), message, options);
  const Class = Object.hasOwn(classes, name) ? classes[name]! : Error;
  return new Class(message, options);
}

function withCause(error: Error, { cause }: WireError): Error {
  if (cause === undefined) return error;
  return Object.defineProperty(error, "cause", { value: revive(cause), configurable: true, writable: true });
}

function isError(value: unknown): boolean {
  try {
    // The second: of another realm.
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false;
  }
}
