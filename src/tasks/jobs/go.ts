/**
 * Starts tasks. A task registered with `task()` goes to the least loaded scheduler thread. Its arguments are copied at the
 * call. A closure stays on this thread, because a function can't be sent.
 */

import { HeddleError } from "../../errors/errors.ts";
import { Handle } from "./handle.ts";
import { placeJob } from "./jobs.ts";
import { connected } from "../task-service.ts";
import { isTask, type Task } from "./task.ts";
import { rememberSite } from "./start-sites.ts";
import { type Outcome, Unit, unref } from "./unit.ts";

let lastId = 0;

/**
 * Runs a task beside the caller, which goes on. The task begins when the caller parks or its turn ends.
 *
 * @throws HeddleError NOT_CLONEABLE if an argument can't be copied to another thread
 */
export function go<Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): Handle<Awaited<R>>;
export function go<Args extends readonly unknown[], R>(
  closure: (...args: Args) => R | PromiseLike<R>,
  ...args: Args
): Handle<Awaited<R>>;
export function go<R>(fn: (...args: never[]) => R | PromiseLike<R>, ...args: readonly unknown[]): Handle<R> {
  if (isTask(fn)) return startedBy(go, placeJob<R>(fn, args, "scheduler"));
  if (typeof fn !== "function") {
    throw new HeddleError("TASK_INVALID", `go() needs a task or a function, and got ${typeof fn}.`);
  }
  return startedBy(go, goHere<R>(fn as never, args));
}

function startedBy<H extends object>(caller: (...args: never[]) => unknown, handle: H): H {
  rememberSite(handle, caller);
  return handle;
}

/**
 * Runs a task on a thread where it may block: read files synchronously, wait with Atomics, compute for long. Each of these
 * threads runs one task at a time; there are up to 32.
 *
 * @throws HeddleError NOT_CLONEABLE; TASK_INVALID for a closure, which can't leave this thread
 */
export function blocking<Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): Handle<Awaited<R>> {
  if (!isTask(task)) {
    throw new HeddleError("TASK_INVALID", "blocking() needs a task, because it runs on another thread.", {
      hint: 'Define it at the top level of a module: const work = task(import.meta.url, "work", (…) => { … });',
    });
  }
  return startedBy(blocking, placeJob<Awaited<R>>(task, args, "blocking"));
}

function goHere<R>(fn: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): Handle<R> {
  return new Closure<R>(fn.name === "" ? "closure" : fn.name, fn, args);
}

/** A closure's handle and outcome in one object, because there may be a million. */
class Closure<R> extends Handle<R> implements Outcome {
  readonly #unit: Unit;

  constructor(name: string, fn: (...args: readonly unknown[]) => unknown, args: readonly unknown[]) {
    super(++lastId, name);
    this.#unit = new Unit(name, fn, args, this);
    this.#unit.enqueue();
  }

  protected prefix(): string {
    return `${connected().self}.`;
  }

  unref(): this {
    unref(this.#unit);
    return this;
  }

  protected stop(error: HeddleError): boolean {
    if (this.#unit.withdraw()) return false;
    this.#unit.cancel(error);
    return true;
  }
}
