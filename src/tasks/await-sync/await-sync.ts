/**
 * Blocking style for asynchronous work: `const rows = awaitSync(fetchRows, id)`. The task runs on this thread's I/O thread.
 * This thread waits (Atomics.wait), and gets the result or the error as if it had called a synchronous function.
 *
 *   may block? → already cancelled? → send → wait: the result | the rules' cancellation | the timeout → return or throw
 *
 * Invariants
 * - One call at a time for each calling thread, because it is blocked meanwhile.
 * - A call that stops waiting aborts the task, and waits for the acknowledgement (`io-thread-handle.ts`) before it throws.
 * - The first event wins: a result that has arrived is returned, even at the last moment.
 *
 * Whether this thread may block, and what else ends the wait, are the thread's rules (runtime/blocking.ts).
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError, messageOf, unpackThrown } from "../../errors/errors.ts";
import { blockingRules } from "../../runtime/blocking.ts";
import { monotonicMs } from "../../kit/clock.ts";
import { type IoThread, ioThread, type Outcome } from "./io-thread-handle.ts";
import { isTask, type Task } from "../jobs/task.ts";
import { transferOf } from "../jobs/transfer.ts";

export interface AwaitSyncOptions {
  /** Milliseconds after which the call throws a `TimeoutError` and the task's signal aborts. Default: none. */
  readonly timeoutMs?: number | undefined;
  /**
   * If it is aborted already, the call throws its reason at once. It cannot abort during the wait: nothing runs on this
   * thread then, neither timers nor events. Use `timeoutMs`. The end of the handler's own request is noticed without it.
   */
  readonly signal?: AbortSignal | undefined;
  /** The objects in the arguments that are transferred instead of copied. */
  readonly transfer?: readonly Transferable[] | undefined;
}

export interface AwaitSync {
  /**
   * Runs the task on this thread's I/O thread, blocks until it has ended, and returns its result.
   *
   * @throws what the task throws, with its stack and that of this call
   * @throws DOMException AbortError, TimeoutError or DrainError, when the handler's request is over or must end; the task's signal aborts with it
   * @throws HeddleError AWAIT_SYNC_REFUSED where a block would delay others; TASK_NOT_CLONEABLE; THREAD_DIED
   */
  <Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): R;
  /** The same, with a time limit, a signal, or transferred arguments. */
  with<Args extends readonly unknown[], R>(options: AwaitSyncOptions, task: Task<Args, R>, ...args: Args): R;
}

export const awaitSync: AwaitSync = Object.assign(
  <Args extends readonly unknown[], R>(task: Task<Args, R>, ...args: Args): R => call({}, task, args),
  {
    with: <Args extends readonly unknown[], R>(options: AwaitSyncOptions, task: Task<Args, R>, ...args: Args): R =>
      call(options, task, args),
  },
);

function call<Args extends readonly unknown[], R>(options: AwaitSyncOptions, task: Task<Args, R>, args: Args): R {
  check(options, task);
  const what = `awaitSync(${task.name})`;
  const rules = blockingRules();
  rules.may(what);
  options.signal?.throwIfAborted();
  const reason = rules.cancelled();
  if (reason !== undefined) throw reason;
  const outcome = wait(send(options, task, args), what, options.timeoutMs);
  if (outcome.type === "returned") return outcome.value as R;
  throw withPlace(unpackThrown(outcome.thrown), what);
}

interface Sent {
  readonly io: IoThread;
  readonly call: number;
}

function send(options: AwaitSyncOptions, task: Task, args: readonly unknown[]): Sent {
  const io = ioThread(blockingRules().wake);
  try {
    return { io, call: io.run(task, args, [...(options.transfer ?? []), ...transferOf(args)]) };
  } catch (cause) {
    throw new HeddleError(
      "TASK_NOT_CLONEABLE",
      `${nameOf(args)} of ${task.name} cannot cross to another thread: ${messageOf(cause)}`,
      {
        cause,
        hint: "Pass plain data (no functions), and name what has to move: transfer(value, [buffer]).",
      },
    );
  }
}

function wait({ io, call }: Sent, what: string, timeoutMs: number = Infinity): Outcome {
  const rules = blockingRules();
  const { wake, cancelled, lookMs } = rules;
  const untilMs = monotonicMs() + timeoutMs;
  for (;;) {
    const seen = wake.count;
    const outcome = io.outcome(call);
    if (outcome !== undefined) return outcome;
    const nowMs = monotonicMs();
    const reason = cancelled() ?? (nowMs < untilMs ? undefined : timedOut(what, timeoutMs));
    if (reason !== undefined) {
      io.abort(call, reason, rules);
      throw reason;
    }
    wake.wait(seen, Math.min(lookMs, untilMs - nowMs));
    if (monotonicMs() - nowMs >= lookMs) io.look();
  }
}

function timedOut(what: string, timeoutMs: number): DOMException {
  return new DOMException(`${what} took longer than ${timeoutMs} ms`, "TimeoutError");
}

function check({ timeoutMs }: AwaitSyncOptions, task: unknown): void {
  if (!isTask(task)) {
    const what = typeof task === "function" ? `the function ${task.name || "(anonymous)"}` : String(task);
    throw new HeddleError("TASK_INVALID", `awaitSync needs a task, and got ${what}.`, {
      hint: 'A function cannot cross to another thread; define it with task(import.meta.url, "name", …) at the top of a module.',
    });
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0)) {
    throw new HeddleError("TASK_INVALID", `timeoutMs must be a number of milliseconds, and is ${String(timeoutMs)}.`);
  }
}

/** Names the argument that could not be copied. */
function nameOf(args: readonly unknown[]): string {
  const at = args.findIndex((arg) => transferOf([arg]).length === 0 && !isCloneable(arg));
  return at === -1 ? "an argument" : `argument ${at + 1}`;
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** An error's stack shows where it was thrown, on the other thread. This adds where it was waited for. */
function withPlace(thrown: unknown, what: string): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, call);
  // The first line is not a frame, the second is awaitSync itself.
  const frames = here.stack?.split("\n").slice(2) ?? [];
  const value = [thrown.stack, `    at ${what}, which ran on another thread`, ...frames].join("\n");
  return Object.defineProperty(thrown, "stack", { value, configurable: true, writable: true });
}
