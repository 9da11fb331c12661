/**
 * The form in which an error crosses a process or thread boundary: plain JSON data, the same over `process.send`,
 * `postMessage` and the control socket.
 *
 * Invariants: `toWire` never throws, whatever the app threw; its result is bounded in depth and in size, so that an
 * error cannot become a memory leak in the parent; `fromWire` and `revive` (`revive.ts`) give back an error with the
 * sender's name and stack, because a stack from this side would point at the message port.
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
  /** Of an AggregateError. */
  readonly errors?: readonly WireError[];
  /** A foreign error's own `code`, `errno`, `status` … */
  readonly props?: Readonly<Record<string, Primitive>>;
  /** It is no HeddleError, though its name says so. */
  readonly foreign?: true;
  /** It is a DOMException, as `AbortSignal`s give them. */
  readonly dom?: true;
  /** The thrown value, if it is not an error. */
  readonly value?: Primitive;
}

export type Primitive = string | number | boolean | null;

/** Longer chains are circular or generated; a ninth cause helps nobody. */
const maxCauses = 8;
/** Several times a full V8 stack of ten frames. */
const maxTextLength = 16_384;
/** Errors in one wire form, causes and all. */
const maxErrors = 32;
/** A database driver's error has some twenty. */
const maxProps = 32;
const maxPropLength = 1024;

export function toWire(error: unknown): WireError {
  return wire(error, maxCauses, { left: maxErrors });
}

function wire(error: unknown, causesLeft: number, budget: { left: number }): WireError {
  budget.left--;
  const code = read(error, "code");
  const isOurs = isInstance(error, HeddleError) && isErrorCode(code);
  const stack = text(error, "stack");
  const hint = text(error, "hint");
  const more = causesLeft > 0;
  const cause = more ? read(error, "cause") : undefined;
  const errors = more && isInstance(error, AggregateError) ? read(error, "errors") : undefined;
  const inner = (each: unknown): WireError[] => (budget.left > 0 ? [wire(each, causesLeft - 1, budget)] : []);
  const [wiredCause] = cause === undefined ? [] : inner(cause);
  const props = isOurs ? undefined : propsOf(error);
  const name = text(error, "name") ?? "Error";
  return {
    code: isOurs ? code : "INTERNAL",
    name,
    message: cut(messageOf(error)),
    ...(stack === undefined ? {} : { stack }),
    ...(hint === undefined ? {} : { hint }),
    ...(wiredCause === undefined ? {} : { cause: wiredCause }),
    ...(Array.isArray(errors) ? { errors: errors.slice(0, maxErrors).flatMap(inner) } : {}),
    ...(props === undefined ? {} : { props }),
    ...(isOurs || name !== "HeddleError" ? {} : { foreign: true }),
    ...(isInstance(error, DOMException) ? { dom: true } : {}),
    ...(isPrimitive(error) ? { value: typeof error === "string" ? cut(error) : error } : {}),
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

export function restore(error: Error, property: "name" | "stack", value: string): void {
  Object.defineProperty(error, property, { value, configurable: true, writable: true, enumerable: false });
}

/** Those that have fields of their own. */
const standard: ReadonlySet<string> = new Set(["name", "message", "stack", "hint", "cause", "errors"]);

/** The plain properties of a foreign error; `code` also if it is inherited from its class. */
function propsOf(error: unknown): Record<string, Primitive> | undefined {
  if (typeof error !== "object" || error === null || isInstance(error, DOMException)) return undefined;
  const props: Record<string, Primitive> = {};
  for (const name of new Set(["code", ...ownNames(error)])) {
    if (standard.has(name)) continue;
    const value = read(error, name);
    if (!isPrimitive(value) || (typeof value === "string" && value.length > maxPropLength)) continue;
    props[name] = value;
    if (Object.keys(props).length === maxProps) break;
  }
  return Object.keys(props).length === 0 ? undefined : props;
}

function ownNames(value: object): readonly string[] {
  try {
    return Object.keys(value);
  } catch {
    return [];
  }
}

function isPrimitive(value: unknown): value is Primitive {
  return typeof value === "string" || typeof value === "boolean" || value === null || Number.isFinite(value);
}

function isInstance(value: unknown, type: typeof HeddleError | typeof AggregateError | typeof DOMException): boolean {
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
