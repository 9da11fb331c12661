/**
 * The deep copy. It keeps shared and circular parts, knows the built-in classes, replaces references if the copy is for another
 * thread, and leaves out what will be transferred. Used where the quick copy gives up, and for other threads.
 *
 * Objects that it does not know (Blob, KeyObject, …) go through `structuredClone`, whose error is reported with the path.
 */

import { types } from "node:util";
import { HeddleError } from "../../errors/errors.ts";
import { beginError, copyError, finishError } from "./error-copy.ts";
import { encodeReference } from "./references.ts";

/** Replaces a reference or an error in a message for another thread. */
export type Marker = readonly [marker: object, tag: string, data: unknown];

export interface DeepCopy {
  readonly value: unknown;
  /** Only in copies for another thread, which are cloned once more. */
  readonly markers: readonly Marker[];
}

/** The tag of errors among the markers. Errors are not references, but structured clone would lose a part of them. */
export const ERROR_TAG = "error";

type View = NodeJS.TypedArray | DataView;

/** For a receiver on this thread. */
export function deepCopy(value: unknown): unknown {
  return new Walk(new Set(), false).copy(value, "message");
}

/** The caller posts the copy, which clones it once more. Objects in `transfer` are not copied. */
export function deepCopyToPost(value: unknown, transfer: readonly unknown[]): DeepCopy {
  const walk = new Walk(new Set(transfer), true);
  return { value: walk.copy(value, "message"), markers: walk.markers };
}

class Walk {
  readonly markers: Marker[] = [];
  readonly #toMove: ReadonlySet<unknown>;
  readonly #forThread: boolean;
  readonly #seen: Map<object, unknown> = new Map();

  constructor(toMove: ReadonlySet<unknown>, forThread: boolean) {
    this.#toMove = toMove;
    this.#forThread = forThread;
  }

  copy(value: unknown, path: string): unknown {
    if (typeof value === "function" || typeof value === "symbol") throw refused(typeof value, path);
    if (typeof value !== "object" || value === null) return value;
    if (this.#seen.has(value)) return this.#seen.get(value);
    return this.#copyObject(value, path);
  }

  #copyObject(value: object, path: string): unknown {
    if (Array.isArray(value)) return this.#copyArray(value, path);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#copyProperties(value, {}, path);
    const reference = encodeReference(value);
    if (reference !== undefined) return this.#forThread ? this.#mark(value, ...reference) : value;
    if (this.#toMove.has(value)) return this.#leave(value);
    if (value instanceof Error) return this.#copyError(value, path);
    if (value instanceof Map) return this.#copyMap(value, path);
    if (value instanceof Set) return this.#copySet(value, path);
    if (ArrayBuffer.isView(value)) return this.#copyView(value as View, path);
    if (isClonedByEngine(value)) return this.#clone(value, path);
    return this.#copyProperties(value, {}, path);
  }

  #copyArray(value: readonly unknown[], path: string): unknown[] {
    const result: unknown[] = [];
    result.length = value.length;
    this.#seen.set(value, result);
    // Keys rather than indices: holes stay holes, and other properties of the array are copied too.
    for (const key of Object.keys(value)) {
      result[key as unknown as number] = this.copy(value[key as unknown as number], `${path}[${key}]`);
    }
    return result;
  }

  #copyProperties(value: object, result: Record<string, unknown>, path: string): object {
    this.#seen.set(value, result);
    for (const [key, part] of Object.entries(value)) {
      const copied = this.copy(part, `${path}.${key}`);
      if (key === "__proto__") Object.defineProperty(result, key, { value: copied, ...plain });
      else result[key] = copied;
    }
    return result;
  }

  #copyMap(value: ReadonlyMap<unknown, unknown>, path: string): Map<unknown, unknown> {
    const result = new Map<unknown, unknown>();
    this.#seen.set(value, result);
    for (const [key, part] of value) result.set(this.copy(key, `a key of ${path}`), this.copy(part, `${path}.get(…)`));
    return result;
  }

  #copySet(value: ReadonlySet<unknown>, path: string): Set<unknown> {
    const result = new Set<unknown>();
    this.#seen.set(value, result);
    for (const part of value) result.add(this.copy(part, `a member of ${path}`));
    return result;
  }

  /** Views of one buffer stay views of one buffer. Of a large pool (small Node Buffers) only the part is copied. */
  #copyView(view: View, path: string): unknown {
    const { buffer, byteOffset, byteLength } = view;
    if (buffer instanceof SharedArrayBuffer || this.#toMove.has(buffer) || this.#seen.has(buffer)) {
      return this.#viewOn(view, this.copy(buffer, path) as ArrayBuffer, byteOffset);
    }
    if (byteLength * 2 < buffer.byteLength) {
      return this.#viewOn(view, buffer.slice(byteOffset, byteOffset + byteLength), 0);
    }
    return this.#viewOn(view, this.#clone(buffer, path) as ArrayBuffer, byteOffset);
  }

  #viewOn(view: View, buffer: ArrayBufferLike, offset: number): unknown {
    const Type = engineType(view);
    const length = view instanceof DataView ? view.byteLength : view.length;
    const result = new Type(buffer, offset, length);
    this.#seen.set(view, result);
    return result;
  }

  #copyError(error: Error, path: string): unknown {
    const copyPart = (part: unknown, name: string): unknown => this.copy(part, `${path}.${name}`);
    if (this.#forThread) return copyError(error, (data) => this.#mark(error, ERROR_TAG, data), copyPart);
    let own: Readonly<Record<string, unknown>> = {};
    const result = copyError(
      error,
      (data) => {
        const begun = beginError(data);
        this.#seen.set(error, begun);
        ({ own } = data);
        return begun;
      },
      copyPart,
    );
    finishError(result, own);
    return result;
  }

  /** Stays as it is: posting the copy transfers it, and the copy's views of it with it. */
  #leave(value: object): unknown {
    this.#seen.set(value, value);
    return value;
  }

  #clone(value: object, path: string): unknown {
    try {
      const result: unknown = value instanceof SharedArrayBuffer ? value : structuredClone(value);
      this.#seen.set(value, result);
      return result;
    } catch (cause) {
      throw new HeddleError("NOT_CLONEABLE", `${path} cannot be cloned: it is a ${value.constructor.name}`, { cause });
    }
  }

  #mark(value: object, tag: string, data: unknown): object {
    const marker = {};
    this.markers.push([marker, tag, data]);
    this.#seen.set(value, marker);
    return marker;
  }
}

const plain = { configurable: true, enumerable: true, writable: true } as const;

/** The engine's own class of a view: a Node Buffer becomes a Uint8Array, as with structured clone. */
function engineType(view: View): Uint8ArrayConstructor {
  // By the engine's getter: a class of the program may have its own tag.
  const name: unknown = types.isDataView(view) ? "DataView" : Reflect.get(typedArray, Symbol.toStringTag, view);
  return globalThis[name as "Uint8Array"];
}

/** The prototype of the prototypes of all typed arrays. */
const typedArray: object = Object.getPrototypeOf(Uint8Array.prototype);

/** Objects with state outside of their properties: only the engine can clone them, or refuse to. */
function isClonedByEngine(value: object): boolean {
  const tag = Object.prototype.toString.call(value);
  return tag !== "[object Object]";
}

function refused(type: string, path: string): HeddleError {
  return new HeddleError(
    "NOT_CLONEABLE",
    `${path} is a ${type}, which cannot be in a message; send data, or register the function with actor() or task()`,
  );
}
