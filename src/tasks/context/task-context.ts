/**
 * The data of the running task, available anywhere in its async code: so far its signal. Whoever runs a task calls it through
 * `runTask`.
 * a task calls it through `runTask`.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { perThread } from "../../kit/per-thread.ts";

export interface TaskContext {
  /** Aborts when nobody wants the task's result any more. */
  readonly signal: AbortSignal;
}

const storage: AsyncLocalStorage<TaskContext> = perThread("task-context", () => new AsyncLocalStorage<TaskContext>());

/** The signal of code outside of tasks. */
const never: AbortSignal = new AbortController().signal;

/** Runs a task's function, or any part of one, in its context. */
export function runTask<Args extends readonly unknown[], R>(
  context: TaskContext,
  fn: (...args: Args) => R,
  ...args: Args
): R {
  return storage.run(context, fn, ...args);
}

/** undefined: this code does not belong to a task. */
export function currentTask(): TaskContext | undefined {
  return storage.getStore();
}

/**
 * The signal of the running task. It aborts when its caller has stopped waiting, because of a timeout, or because the request
 * it ran for is over. Pass it on: `fetch(url, { signal: taskSignal() })`. Outside a task it never aborts.
 */
export function taskSignal(): AbortSignal {
  return storage.getStore()?.signal ?? never;
}
