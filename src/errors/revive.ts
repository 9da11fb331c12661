/**
 * What was thrown on one thread, thrown again on another: the caller of a task catches what it would have caught had the
 * task run here. Classes of the language and the platform come back as themselves (TypeError, AggregateError,
 * DOMException, HeddleError …); an app's own class comes back as an Error with its name, message, code and other plain properties,
 * because the class exists here only by accident. What is no error is copied.
 *
 * `fromWire` is for reports, where every error is to have a code of the table.
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

/** Can be posted to another thread, whatever was thrown. Never throws. */
export function packThrown(thrown: unknown): WireThrown {
  if (isError(thrown)) return { error: toWire(thrown) };
  try {
    return { value: structuredClone(thrown) };
  } catch {
    // A function, or an object with one in it: its text is all that can cross.
    return { error: toWire(thrown) };
  }
}

export function unpackThrown(wire: WireThrown): unknown {
  return "error" in wire ? revive(wire.error) : wire.value;
}

/** The error (or the plain value that was thrown in its place) of the other side. */
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
