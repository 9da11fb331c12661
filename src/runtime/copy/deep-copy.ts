/**
 * The deep copy. It keeps shared and circular parts, knows the built-in classes, replaces references if the copy is for another
 * thread, and leaves out what will be transferred. Used where the quick copy gives up, and for other threads.
 *
 * Objects that it does not know (Blob, KeyObject, …) go through `structuredClone`, whose error is reported with the path.
 *
 * Data may be nested `MAX_DEPTH` deep. The engine's own limit is how much stack is left and how its compiler has done: it is
 * found only when the message is posted, after the sender has gone on. The same limit holds for a receiver on this thread, so
 * that a message does not depend on where its receiver runs.
 */

import { types } from "node:util";
import { HeddleError } from "../../errors/errors.ts";
import { beginError, copyError, finishError } from "./error-copy.ts";
import { isPortable, noteBound } from "./process-bound.ts";
import { encodeReference, isReference } from "./references.ts";

/** Replaces a reference or an error in a message for another thread. */
export type Marker = readonly [marker: object, tag: string, data: unknown, module?: string];

export interface DeepCopy {
  readonly value: unknown;
  /** Only in copies for another thread, which are cloned once more. */
  readonly markers: readonly Marker[];
}

/** The tag of errors among the markers. Errors are not references, but structured clone would lose a part of them. */
export const ERROR_TAG = "error";

/**
 * How many objects may be inside of each other. Structured clone manages 2,500 on a main thread, whose stack is the smallest,
 * and this walk, uncompiled, 1,500.
 */
export const MAX_DEPTH = 1000;

type View = NodeJS.TypedArray | DataView;

/** For a receiver on this thread. */
export function deepCopy(value: unknown): unknown {
  return withStack(() => new Walk(new Set(), false).copy(value, "message", 0));
}

/** The caller posts the copy, which clones it once more. Objects in `transfer` are not copied. */
export function deepCopyToPost(value: unknown, transfer: readonly unknown[]): DeepCopy {
  const walk = new Walk(new Set(transfer), true);
  return { value: withStack(() => walk.copy(value, "message", 0)), markers: walk.markers };
}

/** If the caller has used up nearly all of the stack, it gets the error of a message that is too deep. */
function withStack<T>(copyAll: () => T): T {
  try {
    return copyAll();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) throw tooDeep(error);
    throw error;
  }
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

  copy(value: unknown, path: string, depth: number): unknown {
    if (typeof value === "function" || typeof value === "symbol") throw refused(typeof value, path);
    if (typeof value !== "object" || value === null) return value;
    if (this.#seen.has(value)) return this.#seen.get(value);
    if (depth >= MAX_DEPTH) throw tooDeep();
    return this.#copyObject(value, path, depth + 1);
  }

  /** `depth`: of its parts. */
  #copyObject(value: object, path: string, depth: number): unknown {
    if (Array.isArray(value)) return this.#copyArray(value, path, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return this.#copyProperties(value, {}, path, depth);
    if (isReference(value)) return this.#forThread ? this.#markReference(value, path) : value;
    if (this.#toMove.has(value)) return this.#leave(value, path);
    if (value instanceof Error) return this.#copyError(value, path, depth);
    if (value instanceof Map) return this.#copyMap(value, path, depth);
    if (value instanceof Set) return this.#copySet(value, path, depth);
    if (ArrayBuffer.isView(value)) return this.#copyView(value as View, path, depth);
    if (isClonedByEngine(value)) return this.#clone(value, path, depth);
    return this.#copyProperties(value, {}, path, depth);
  }

  #copyArray(value: readonly unknown[], path: string, depth: number): unknown[] {
    const result: unknown[] = [];
    result.length = value.length;
    this.#seen.set(value, result);
    // Keys rather than indices: holes stay holes, and other properties of the array are copied too.
    for (const key of Object.keys(value)) {
      result[key as unknown as number] = this.copy(value[key as unknown as number], `${path}[${key}]`, depth);
    }
    return result;
  }

  #copyProperties(value: object, result: Record<string, unknown>, path: string, depth: number): object {
    this.#seen.set(value, result);
    for (const [key, part] of Object.entries(value)) {
      const copied = this.copy(part, `${path}.${key}`, depth);
      if (key === "__proto__") Object.defineProperty(result, key, { value: copied, ...plain });
      else result[key] = copied;
    }
    return result;
  }

  #copyMap(value: ReadonlyMap<unknown, unknown>, path: string, depth: number): Map<unknown, unknown> {
    const result = new Map<unknown, unknown>();
    this.#seen.set(value, result);
    for (const [key, part] of value) {
      result.set(this.copy(key, `a key of ${path}`, depth), this.copy(part, `${path}.get(…)`, depth));
    }
    return result;
  }

  #copySet(value: ReadonlySet<unknown>, path: string, depth: number): Set<unknown> {
    const result = new Set<unknown>();
    this.#seen.set(value, result);
    for (const part of value) result.add(this.copy(part, `a member of ${path}`, depth));
    return result;
  }

  /** Views of one buffer stay views of one buffer. Of a large pool (small Node Buffers) only the part is copied. */
  #copyView(view: View, path: string, depth: number): unknown {
    const { buffer, byteOffset, byteLength } = view;
    if (buffer instanceof SharedArrayBuffer || this.#toMove.has(buffer) || this.#seen.has(buffer)) {
      return this.#viewOn(view, this.copy(buffer, path, 0) as ArrayBuffer, byteOffset);
    }
    if (byteLength * 2 < buffer.byteLength) {
      return this.#viewOn(view, buffer.slice(byteOffset, byteOffset + byteLength), 0);
    }
    return this.#viewOn(view, this.#clone(buffer, path, depth) as ArrayBuffer, byteOffset);
  }

  #viewOn(view: View, buffer: ArrayBufferLike, offset: number): unknown {
    const Type = engineType(view);
    const length = view instanceof DataView ? view.byteLength : view.length;
    const result = new Type(buffer, offset, length);
    this.#seen.set(view, result);
    return result;
  }

  #copyError(error: Error, path: string, depth: number): unknown {
    const copyPart = (part: unknown, name: string): unknown => this.copy(part, `${path}.${name}`, depth);
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
  #leave(value: object, path: string): unknown {
    if (!(value instanceof ArrayBuffer)) this.#isBound(value, path);
    this.#seen.set(value, value);
    return value;
  }

  #clone(value: object, path: string, depth: number): unknown {
    try {
      const result: unknown = value instanceof SharedArrayBuffer ? value : structuredClone(value);
      // An object with a tag of its own becomes a plain one, with parts that were not counted yet.
      const whole = isPlain(result) ? this.#copyProperties(result, {}, path, depth) : result;
      if (this.#forThread && whole === result && !isPortableBuiltIn(result)) this.#isBound(value, path);
      this.#seen.set(value, whole);
      return whole;
    } catch (cause) {
      if (isTooDeep(cause)) throw cause;
      throw new HeddleError("NOT_CLONEABLE", `${path} cannot be cloned: it is a ${value.constructor.name}`, { cause });
    }
  }

  /** Another thread may have it, another process may not. */
  #isBound(value: object, path: string): void {
    noteBound(this.markers, `${path}, a ${value.constructor.name},`);
  }

  #markReference(value: object, path: string): object {
    const [tag, data, module] = encodeReference(value)!;
    if (!isPortable(tag)) noteBound(this.markers, `${path}, a ${tag},`);
    return this.#mark(value, tag, data, module);
  }

  #mark(value: object, tag: string, data: unknown, module?: string): object {
    const marker = {};
    this.markers.push(module === undefined ? [marker, tag, data] : [marker, tag, data, module]);
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

/** Of the built-in objects that only the engine can clone: those that it can also write as bytes. */
function isPortableBuiltIn(value: unknown): boolean {
  return types.isArrayBuffer(value) || types.isDate(value) || types.isRegExp(value) || types.isBoxedPrimitive(value);
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const TOO_DEEP = `a message is nested more than ${MAX_DEPTH} objects deep`;

function tooDeep(cause?: Error): HeddleError {
  const options = { hint: "Send a long chain as an array.", ...(cause === undefined ? {} : { cause }) };
  const why = cause === undefined ? TOO_DEEP : "a message is nested too deep for what is left of the call stack";
  return new HeddleError("NOT_CLONEABLE", why, options);
}

function isTooDeep(error: unknown): boolean {
  return error instanceof HeddleError || (error instanceof RangeError && /call stack/.test(error.message));
}

function refused(type: string, path: string): HeddleError {
  return new HeddleError(
    "NOT_CLONEABLE",
    `${path} is a ${type}, which cannot be in a message; send data, or register the function with actor() or task()`,
  );
}
