/** A group of tasks (errgroup): the first failure cancels the others, and leaving the group's scope waits for all tasks, so that no
 * task is left running.
 *
 *     await using group = new TaskGroup();
 *     for (const url of urls) void group.go(async (context) => { await fetch(url, { signal: context.signal }); });
 *     await group.wait();
 */

import { count } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { type CancelableContext, Context } from "../context/context.ts";
import { checkContext } from "../context/context-check.ts";
import { go } from "./go.ts";
import type { Handle } from "./handle.ts";
import { isTask, type Task } from "./task.ts";
import { nextTurn, park, WaitQueue } from "../waiter.ts";

export class TaskGroup implements AsyncDisposable {
  /** Cancelled when a task fails, when all tasks were waited for, or with the context that the group was made from. */
  readonly context: CancelableContext;
  readonly #running: Set<Handle<unknown>> = new Set();
  readonly #starting: WaitQueue = new WaitQueue();
  readonly #waiting: WaitQueue = new WaitQueue();
  #limit: number = Infinity;
  /** Tasks that run, and those that were woken to start. */
  #active: number = 0;
  #failure: { readonly error: unknown; isTold: boolean } | undefined;
  /** What is started from now on is not wanted any more. Undefined: nothing has ended the group yet. */
  #end: "waited for" | "cancelled" | undefined;

  constructor(context: Context = Context.background()) {
    checkContext(context, "new TaskGroup()");
    this.context = context.withCancel();
    this.context.onCancel(() => {
      this.#end ??= "cancelled";
      for (const handle of this.#running) handle.cancel(this.context.cause);
    });
  }

  /** For the library: the tasks that run, or have their place. */
  get active(): number {
    return this.#active;
  }

  /**
   * Starts a task in the group. A closure gets the group's context, which may be cancelled already; what `task()` made never begins
   * then. The promise settles when the task has been started: at once, unless there is a limit.
   */
  go<Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): Promise<void>;
  go(closure: (context: Context) => unknown): Promise<void>;
  async go(fn: (...args: never[]) => unknown, ...args: readonly unknown[]): Promise<void> {
    if (this.#active >= this.#limit) await park<void>(this.#starting, "task group");
    else this.#active++;
    this.#start(fn, args);
  }

  /** Starts it if the limit allows, and returns whether it did. */
  tryGo<Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): boolean;
  tryGo(closure: (context: Context) => unknown): boolean;
  tryGo(fn: (...args: never[]) => unknown, ...args: readonly unknown[]): boolean {
    if (this.#active >= this.#limit) return false;
    this.#active++;
    this.#start(fn, args);
    return true;
  }

  /**
   * How many tasks may run at once. 0 admits none. A negative number is no limit.
   *
   * @throws HeddleError SYNC_MISUSE while tasks run
   */
  setLimit(limit: number): void {
    if (this.#active > 0) {
      throw misuse(`modify limit while the group has ${count(this.#active, "active task")}`);
    }
    if (typeof limit !== "number" || Number.isNaN(limit)) throw misuse(`a limit is a number, and got ${String(limit)}`);
    this.#limit = limit < 0 ? Infinity : limit;
  }

  /** Waits until all have ended, and cancels the context. Throws the first error of a task, each time it is called. */
  async wait(): Promise<void> {
    await this.#settled();
    if (this.#failure === undefined) return;
    this.#failure.isTold = true;
    throw this.#failure.error;
  }

  /** Like `wait`. An error that `wait` has thrown is not thrown again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#settled();
    if (this.#failure?.isTold === false) await this.wait();
  }

  async #settled(): Promise<void> {
    while (this.#active > 0 || this.#starting.first !== undefined) await park<void>(this.#waiting, "task group");
    this.#end ??= "waited for";
    this.context.cancel();
    if (isTimeUp()) await nextTurn(undefined);
  }

  #start(fn: (...args: never[]) => unknown, args: readonly unknown[]): void {
    let handle: Handle<unknown>;
    try {
      handle = isTask(fn) ? go(fn as never, ...(args as never)) : go(fn as never, this.context as never);
    } catch (error) {
      this.#ended();
      throw error;
    }
    this.#running.add(handle);
    // A closure has the group's context. A task is told, and the cancellation that would tell it has been.
    if (isTask(fn) && this.#end === "cancelled") handle.cancel(this.context.cause);
    void handle.then(undefined, (error: unknown) => this.#failed(error));
    void handle.ended().then(() => {
      this.#running.delete(handle);
      this.#ended();
    });
  }

  #failed(error: unknown): void {
    this.#failure ??= { error, isTold: false };
    this.context.cancel(error);
  }

  #ended(): void {
    const next = this.#starting.shift();
    // Its place goes directly to the next waiter, so that no other task can take it.
    if (next !== undefined) return next.wake(undefined);
    this.#active--;
    if (this.#active > 0) return;
    for (let waiter = this.#waiting.shift(); waiter !== undefined; waiter = this.#waiting.shift())
      waiter.wake(undefined);
  }
}

function misuse(message: string): HeddleError {
  return new HeddleError("SYNC_MISUSE", `TaskGroup: ${message}.`);
}
