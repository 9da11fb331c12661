/**
 * References: objects that mean the same on every thread and are therefore not copied in messages, such as pids, channels, and
 * the handles of registered functions. Each kind defines how it is sent to another thread.
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { notePortable } from "./process-bound.ts";

export interface ReferenceKind<T extends object> {
  /** The same on all threads; part of the wire form. */
  readonly tag: string;
  /** The prototypes its objects have. */
  readonly prototypes: readonly object[];
  /** Whether it means the same in all processes that run the program. Default: only on the threads of this one. */
  readonly isPortable?: boolean;
  /**
   * The URL of the module that registers the kind. It is sent along, and loaded by a thread that does not know the kind: a module that only
   * passes such an object on, or calls its methods, need not import its class.
   */
  readonly module?: string;
  /** Plain data that represents the object on another thread. */
  readonly encode: (value: T) => unknown;
  /** The object for the data of `encode`, on any thread. */
  readonly decode: (data: unknown) => T;
}

interface AnyKind {
  readonly tag: string;
  readonly module: string | undefined;
  readonly encode: (value: object) => unknown;
  readonly decode: (data: unknown) => object;
}

/** What the prototypes of references have: themselves. Objects that inherit from a reference are none. */
const own: unique symbol = Symbol("reference");

interface Marked {
  readonly [own]?: object;
}

const byPrototype: Map<unknown, AnyKind> = new Map();
const byTag: Map<string, AnyKind> = new Map();

export function registerReferences<T extends object>(kind: ReferenceKind<T>): void {
  const { tag, prototypes, isPortable = false, module, encode, decode } = kind;
  if (isPortable) notePortable(tag);
  const any: AnyKind = { tag, module, encode: (value) => encode(value as T), decode };
  byTag.set(tag, any);
  for (const prototype of prototypes) {
    byPrototype.set(prototype, any);
    Object.defineProperty(prototype, own, { value: prototype });
  }
}

/** The property first: V8 calls into C++ for a prototype, unless it has just checked the object's shape. */
export function isReference(value: object): boolean {
  const prototype = (value as Marked)[own];
  return prototype !== undefined && Object.getPrototypeOf(value) === prototype;
}

/** The tag and data of a reference, and the module of its kind; undefined for anything else. */
export function encodeReference(value: object): readonly [tag: string, data: unknown, module?: string] | undefined {
  const kind = byPrototype.get(Object.getPrototypeOf(value));
  if (kind === undefined) return undefined;
  const { tag, module } = kind;
  return module === undefined ? [tag, kind.encode(value)] : [tag, kind.encode(value), module];
}

export function decodeReference(tag: string, data: unknown, module?: string): object {
  // A kind registers itself when its library is loaded.
  if (!byTag.has(tag) && module !== undefined) createRequire(import.meta.url)(fileURLToPath(module));
  const kind = byTag.get(tag);
  // Both sides run the same version.
  if (kind === undefined) throw new Error(`no kind of reference is called ${tag} on this thread`);
  return kind.decode(data);
}
