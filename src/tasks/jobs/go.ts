/**
 * Starts tasks. A task registered with `task()` goes to the least loaded scheduler thread. Its arguments are copied at the
 * call. A closure stays on this thread, because a function can't be sent.
 */

import { HeddleError } from "../../errors/errors.ts";
import { Completion, Handle } from "./handle.ts";
import { placeJob } from "./jobs.ts";
import { connected } from "../task-service.ts";
import { isTask, type Task } from "./task.ts";
import { forgetSite, rememberSite } from "../../runtime/watch/start-sites.ts";
import { Unit, unref } from "./unit.ts";

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
  if (isTask(fn)) return placeJob<R>(fn, args, "scheduler", go);
  if (typeof fn !== "function") {
    throw new HeddleError("TASK_INVALID", `go() needs a task or a function, and got ${typeof fn}.`);
  }
  return goHere<R>(fn as never, args);
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
  return placeJob<Awaited<R>>(task, args, "blocking", blocking);
}

function goHere<R>(fn: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): Handle<R> {
  const begin = args.length === 0 ? fn : () => fn(...args);
  const unit = new Closure(fn.name === "" ? "closure" : fn.name, begin);
  rememberSite(unit, go);
  unit.place();
  return new ClosureHandle<R>(unit);
}

/** It keeps what its handle needs. The handle itself is often dropped, and then it is no part of a parked task. */
class Closure extends Unit {
  /** Its number, as long as it needs no more: one field less in a million parked tasks. */
  #outcome: number | NumberedCompletion = ++lastId;

  get id(): string {
    return `${connected().self}.${typeof this.#outcome === "number" ? this.#outcome : this.#outcome.number}`;
  }

  get completion(): Completion {
    if (typeof this.#outcome === "number") this.#outcome = new NumberedCompletion(this.#outcome);
    return this.#outcome;
  }

  override succeeded(value: unknown): void {
    forgetSite(this);
    this.completion.succeeded(value);
  }

  override failed(error: unknown): void {
    forgetSite(this);
    this.completion.failed(error, this.name);
  }

  protected override dropped(): void {
    forgetSite(this);
  }
}

class NumberedCompletion extends Completion {
  readonly number: number;

  constructor(number: number) {
    super();
    this.number = number;
  }
}

class ClosureHandle<R> extends Handle<R> {
  readonly #unit: Closure;

  constructor(unit: Closure) {
    super();
    this.#unit = unit;
  }

  get name(): string {
    return this.#unit.name;
  }

  get id(): string {
    return this.#unit.id;
  }

  protected get completion(): Completion {
    return this.#unit.completion;
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
