/**
 * Tasks that may run on any thread. A function can't cross to another thread; its address can: the URL of its module
 * and a name in it. `task()` at a module's top level files the function under this address, on every thread that imports
 * the module, and `resolveTask` finds it there, importing the module if need be.
 *
 * What others can rely on
 * - A task is found as soon as it is registered, not only when its module has been evaluated to the end: a module that waits
 *   at its top level, or a main program that is imported a second time here, holds nobody up. The part of the module that
 *   runs without waiting has run by then.
 * - Nothing is imported for a task that is registered already.
 * - `resolveTask` never hangs on a module that has ended: what is not registered by then is TASK_NOT_FOUND.
 * - A module that fails after all its tasks were asked for and found is told as a warning, once; if a task is missing because of it,
 *   the failure is the cause.
 *
 * Rejected: finding functions among a module's exports (a task need not be exported, and exports exist only when the
 * module has ended); sending a function's source (it loses what it closes over, silently).
 */

import { nearest } from "../config/nearest.ts";
import { HeddleError, messageOf } from "../errors/errors.ts";
import { perThread } from "../fabric/per-thread.ts";

/** Where a task is found, on every thread. Can be cloned. */
export interface TaskRef {
  /** Of the module that defines it: a `file:` or `data:` URL. */
  readonly url: string;
  /** Unique in the module. */
  readonly name: string;
}

/**
 * A movable function: called, it runs here; given to `awaitSync` (or another way of running tasks), it runs on another
 * thread. Arguments and result are copied between threads, as `structuredClone` does.
 */
export interface Task<Args extends readonly unknown[] = never, R = unknown> extends TaskRef {
  (...args: Args): Promise<R>;
  readonly name: string;
  /** The function itself. */
  readonly fn: (...args: Args) => R | PromiseLike<R>;
}

interface ModuleTasks {
  readonly tasks: Map<string, Task>;
  readonly wanted: Map<string, PromiseWithResolvers<Task>>;
  importing: boolean;
}

/** By module URL. */
const registry: Map<string, ModuleTasks> = perThread("tasks", () => new Map<string, ModuleTasks>());

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
  check(url, name, fn);
  const module = moduleAt(url);
  if (module.tasks.has(name)) {
    throw new HeddleError("TASK_DUPLICATE", `${url} defines two tasks named "${name}".`, {
      hint: "Call task() once, at the top level of the module, and give each task a name of its own.",
    });
  }
  const defined = Object.defineProperties(async (...args: Args): Promise<R> => fn(...args), {
    url: { value: url, enumerable: true },
    name: { value: name, enumerable: true },
    fn: { value: fn },
    [brand]: { value: true },
  }) as Task<Args, R>;
  module.tasks.set(name, defined);
  module.wanted.get(name)?.resolve(defined);
  module.wanted.delete(name);
  return defined;
}

function check(url: unknown, name: unknown, fn: unknown): void {
  if (typeof url !== "string" || !/^(file|data):/.test(url)) {
    throw new HeddleError("TASK_INVALID", `task() needs the URL of its module first, and got ${show(url)}.`, {
      hint: 'Write task(import.meta.url, "name", …); in CommonJS pathToFileURL(__filename).href.',
    });
  }
  if (typeof name !== "string" || name === "") {
    throw new HeddleError("TASK_INVALID", `a task needs a name, and task() in ${url} got ${show(name)}.`);
  }
  if (typeof fn !== "function") {
    throw new HeddleError("TASK_INVALID", `the task "${name}" of ${url} needs a function, and got ${show(fn)}.`);
  }
}

export function isTask(value: unknown): value is Task {
  return typeof value === "function" && brand in value;
}

/** What of it can be sent to another thread. */
export function refOf({ url, name }: TaskRef): TaskRef {
  return { url, name };
}

/** A task that is registered on this thread now. */
export function findTask(url: string, name: string): Task | undefined {
  return registry.get(url)?.tasks.get(name);
}

/**
 * The task of this address on this thread; its module is imported if it does not define it yet.
 *
 * @throws HeddleError TASK_MODULE_FAILED, TASK_NOT_FOUND
 */
export function resolveTask(url: string, name: string): Promise<Task> {
  const module = moduleAt(url);
  const known = module.tasks.get(name);
  if (known !== undefined) return Promise.resolve(known);
  let wanted = module.wanted.get(name);
  if (wanted === undefined) module.wanted.set(name, (wanted = Promise.withResolvers<Task>()));
  if (!module.importing) void importModule(url, module);
  return wanted.promise;
}

async function importModule(url: string, module: ModuleTasks): Promise<void> {
  module.importing = true;
  let fault: { readonly cause: unknown } | undefined;
  try {
    await import(url);
  } catch (cause) {
    fault = { cause };
  }
  module.importing = false;
  // That a program is stopped here before it runs a second time is as it should be.
  const isStopped = fault?.cause instanceof HeddleError && fault.cause.code === "AWAIT_SYNC_REFUSED";
  if (fault !== undefined && !isStopped && module.wanted.size === 0) warn(url, fault.cause);
  for (const [name, wanted] of module.wanted) wanted.reject(missing(url, name, module, fault));
  module.wanted.clear();
}

function missing(url: string, name: string, { tasks }: ModuleTasks, fault?: { readonly cause: unknown }): HeddleError {
  const what = `the task "${name}" cannot run on this thread: its module ${url}`;
  if (fault !== undefined) {
    return new HeddleError("TASK_MODULE_FAILED", `${what} cannot be imported: ${messageOf(fault.cause)}`, fault);
  }
  const names = [...tasks.keys()];
  const near = nearest(name, names);
  const found = names.length === 0 ? "no tasks" : `only ${names.map((each) => `"${each}"`).join(", ")}`;
  return new HeddleError("TASK_NOT_FOUND", `${what} defines ${found} here.`, {
    hint:
      near === undefined
        ? "Call task() at the module's top level, on every thread alike, with the module's own import.meta.url."
        : `Did you mean "${near}"?`,
  });
}

/** Its tasks were found before it failed, so nobody else would hear of it. */
function warn(url: string, cause: unknown): void {
  process.emitWarning(`${url} failed when it was imported for its tasks: ${messageOf(cause)}`, {
    type: "HeddleWarning",
    code: "TASK_MODULE_FAILED",
    ...(cause instanceof Error && cause.stack !== undefined ? { detail: cause.stack } : {}),
  });
}

function moduleAt(url: string): ModuleTasks {
  let module = registry.get(url);
  if (module === undefined) registry.set(url, (module = { tasks: new Map(), wanted: new Map(), importing: false }));
  return module;
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : value === null ? "null" : typeof value;
}
