/**
 * Classes of errors that keep their class in messages. A class has no meaning on another thread, so it needs an address there,
 * as a task does: the URL of its module and its name. The error arrives without its constructor being called.
 */

import { HeddleError } from "../../errors/errors.ts";
import { perThread } from "../../kit/per-thread.ts";

type ErrorClass = abstract new (...args: never[]) => Error;

export type ClassAddress = readonly [url: string, name: string];

interface Registry {
  readonly byAddress: Map<string, ErrorClass>;
  readonly byPrototype: Map<object, ClassAddress>;
}

const registry: Registry = perThread("error-classes", () => ({ byAddress: new Map(), byPrototype: new Map() }));

/**
 * Lets errors of this class keep it when they are sent to other threads, as the failure of a task for instance. Call it at the
 * top level of the module that defines the class, so that every thread that imports the module knows it:
 *
 *     export const NotFound = errorClass(import.meta.url, class NotFound extends Error { … });
 *
 * On a thread that has not imported the module, the error arrives as an `Error` with the same properties.
 *
 * @throws HeddleError TASK_INVALID
 */
export function errorClass<C extends ErrorClass>(url: string, Class: C): C {
  if (typeof url !== "string" || typeof Class !== "function" || !(Class.prototype instanceof Error)) {
    throw new HeddleError("TASK_INVALID", "errorClass() needs the URL of its module and a class that extends Error.");
  }
  if (Class.name === "") throw new HeddleError("TASK_INVALID", "errorClass() needs a class with a name.");
  const address: ClassAddress = [url, Class.name];
  registry.byAddress.set(JSON.stringify(address), Class);
  registry.byPrototype.set(Class.prototype, address);
  return Class;
}

/** The error's class, or the nearest one above it that is registered. */
export function classOf(error: Error): ClassAddress | undefined {
  if (registry.byPrototype.size === 0) return undefined;
  for (let proto: unknown = Object.getPrototypeOf(error); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const address = registry.byPrototype.get(proto as object);
    if (address !== undefined) return address;
  }
  return undefined;
}

export function classAt(address: ClassAddress): ErrorClass | undefined {
  return registry.byAddress.get(JSON.stringify(address));
}
