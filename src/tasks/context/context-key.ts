/**
 * Keys of a context's values. A context may be sent to any thread, so a key must mean the same on all of them. An object means
 * something only on its own thread, except a `ContextKey`, which is found again by its address, as a task is.
 */

import { HeddleError } from "../../errors/errors.ts";
import { perThread } from "../../kit/per-thread.ts";
import { registerReferences } from "../../runtime/copy/references.ts";

const keys: Map<string, ContextKey<unknown>> = perThread("context-keys", () => new Map<string, ContextKey<unknown>>());

export type PrimitiveKey = string | number | bigint | boolean | symbol | null | undefined;

/** A key whose value has the type `T`. `Context.key()` makes it. */
export class ContextKey<T> {
  /** For its type only. */
  declare readonly valueType?: T;
  readonly url: string;
  readonly name: string;

  private constructor(url: string, name: string) {
    this.url = url;
    this.name = name;
  }

  /** For the library. */
  static of<T>(url: string, name: string): ContextKey<T> {
    if (typeof url !== "string" || typeof name !== "string" || name === "") {
      throw badKey(`Context.key() needs the URL of its module and a name, and got ${show(url)} and ${show(name)}.`);
    }
    const address = JSON.stringify([url, name]);
    const key = keys.get(address) ?? new ContextKey<unknown>(url, name);
    keys.set(address, key);
    return key as ContextKey<T>;
  }
}

registerReferences<ContextKey<unknown>>({
  tag: "context key",
  prototypes: [ContextKey.prototype],
  encode: ({ url, name }) => [url, name],
  decode: (data) => ContextKey.of(...(data as [string, string])),
});

/** @throws HeddleError CONTEXT_KEY */
export function checkKey(key: unknown): void {
  if (key instanceof ContextKey) return;
  const isSame = typeof key === "symbol" ? Symbol.keyFor(key) !== undefined : Object(key) !== key;
  if (isSame) return;
  throw badKey(`the key of a context's value must mean the same on every thread, and is ${show(key)}.`);
}

/** A key as it is sent: symbols have no copy. */
export function keyToWire(key: unknown): unknown {
  return typeof key === "symbol" ? { symbol: Symbol.keyFor(key) } : key;
}

export function keyFromWire(wire: unknown): unknown {
  if (typeof wire !== "object" || wire === null || wire instanceof ContextKey) return wire;
  return Symbol.for((wire as { symbol: string }).symbol);
}

function badKey(message: string): HeddleError {
  const hint =
    'Use Context.key(import.meta.url, "name") at the top level of a module, a string, a number, or Symbol.for("name").';
  return new HeddleError("CONTEXT_KEY", message, { hint });
}

export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof ContextKey) return `"${value.name}"`;
  if (typeof value === "symbol") return String(value);
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
