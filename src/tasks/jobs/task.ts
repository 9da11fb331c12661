/**
 * Tasks that may run on any thread: functions with an address, which is the URL of their module and a name in it
 * (runtime/module-registry.ts has the guarantees).
 *
 * Rejected: finding functions among a module's exports (a task need not be exported, and exports exist only when the
 * module was evaluated to its end), and sending a function's source (it silently loses its closure).
 */

import { ModuleRegistry } from "../../runtime/module-registry.ts";
import { perThread } from "../../kit/per-thread.ts";

/** The address of a task, on every thread. Can be cloned. */
export interface TaskRef {
  /** The URL of the module that defines it: `file:` or `data:`. */
  readonly url: string;
  /** Unique in the module. */
  readonly name: string;
}

/**
 * A movable function. Called, it runs here. Given to `awaitSync` (or another way of running tasks), it runs on another thread.
 * Arguments and result are copied between threads, as `structuredClone` does.
 */
export interface Task<Args extends readonly unknown[] = never, R = unknown> extends TaskRef {
  (...args: Args): Promise<R>;
  readonly name: string;
  /** The function itself. */
  readonly fn: (...args: Args) => R | PromiseLike<R>;
}

const registry: ModuleRegistry<Task> = perThread(
  "tasks",
  () =>
    new ModuleRegistry<Task>({
      kind: "task",
      invalid: "TASK_INVALID",
      duplicate: "TASK_DUPLICATE",
      notFound: "TASK_NOT_FOUND",
      moduleFailed: "TASK_MODULE_FAILED",
    }),
);

const brand: symbol = Symbol.for("heddle:task");

/**
 * Defines a task. Call it at the top level of a module, so that the task exists on every thread that imports the module:
 *
 *     export const resize = task(import.meta.url, "resize", async (bytes: Uint8Array, width: number) => { … });
 *
 * @throws HeddleError TASK_INVALID, TASK_DUPLICATE
 */
export function task<Args extends readonly unknown[], R>(
  url: string,
  name: string,
  fn: (...args: Args) => R | PromiseLike<R>,
): Task<Args, R> {
  const defined = Object.defineProperties(async (...args: Args): Promise<R> => fn(...args), {
    url: { value: url, enumerable: true },
    name: { value: name, enumerable: true },
    fn: { value: fn },
    [brand]: { value: true },
  }) as Task<Args, R>;
  registry.add({ url, name }, fn, defined);
  return defined;
}

export function isTask(value: unknown): value is Task {
  return typeof value === "function" && brand in value;
}

/** The part of it that can be sent to another thread. */
export function refOf({ url, name }: TaskRef): TaskRef {
  return { url, name };
}

/** A task that is registered on this thread now. */
export function findTask(url: string, name: string): Task | undefined {
  return registry.find({ url, name });
}

/**
 * The task of this address on this thread. Its module is imported if the task is not defined yet.
 *
 * @throws HeddleError TASK_MODULE_FAILED, TASK_NOT_FOUND
 */
export function resolveTask(url: string, name: string): Promise<Task> {
  return registry.resolve({ url, name });
}
