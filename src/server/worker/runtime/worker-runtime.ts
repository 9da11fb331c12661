/**
 * The runtime of this worker (src/runtime), on the thread that looks after its threads and runs no user code: the root is here, the
 * threads that run the app are its members.
 *
 *   a thread's first use of tasks or actors ─▶ join-runtime, over its own port ─▶ join() ─▶ the root adopts it
 *   the thread has ended ─▶ left() ─▶ all members hear of it: its names are free, its monitors fire
 *
 * An app that uses neither pays nothing: the runtime's modules are imported with the first `join`.
 */

import type { RunawayBudgets } from "../../../config/runaway-budget.ts";
import { count } from "../../../errors/count.ts";
import { HeddleError, toWire } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { Log } from "../../../log/log.ts";
import type { Admission, Knock } from "../../../runtime/door.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { RunawayLimits } from "../../../runtime/threads/runaway-threads.ts";
import type { OwnedThread } from "../../../runtime/threads/adopted-threads.ts";

/** A thread of this worker that runs the app. */
export interface AppThread extends OwnedThread {
  readonly isGone: boolean;
}

export interface WorkerRuntimeOptions {
  readonly log: Log;
  readonly runawayBudget: RunawayBudgets;
  /** Threads of a handler pool are its scheduler threads. They are told to join when the runtime is first used. */
  readonly hasSchedulers: () => boolean;
  readonly opened: () => void;
}

export class WorkerRuntime {
  readonly #options: WorkerRuntimeOptions;
  #opening: Promise<Runtime> | undefined;
  /** Undefined: the app has used neither tasks nor actors. */
  root: Runtime | undefined;

  constructor(options: WorkerRuntimeOptions) {
    this.#options = options;
  }

  join(thread: AppThread, knock: Knock): void {
    if (this.root === undefined) void this.#joinFirst(thread, knock);
    else this.#adopt(this.root, thread, knock);
  }

  async #joinFirst(thread: AppThread, knock: Knock): Promise<void> {
    try {
      this.#adopt(await (this.#opening ??= this.#open()), thread, knock);
    } catch (error) {
      // Out of descriptors, for instance. The next one tries again.
      this.#opening = undefined;
      refuse(knock, error);
    }
  }

  async #open(): Promise<Runtime> {
    const { openRoot } = await import("../../../runtime/runtime.ts");
    const { log, hasSchedulers, opened, runawayBudget } = this.#options;
    this.root = openRoot({
      warn: ({ code, message, detail }) => log.warn({ code, ...(detail !== undefined && { hint: detail }) }, message),
      isServers: true,
      hasSchedulers,
    });
    this.root.runaways!.limits = limitsOf(runawayBudget);
    opened();
    return this.root;
  }

  #adopt(root: Runtime, thread: AppThread, knock: Knock): void {
    // Nobody waits any more.
    if (thread.isGone) knock.port.close();
    else root.adopted!.adopt(thread, knock);
  }

  /** It drains: nothing is placed on it any more. */
  retire(thread: AppThread): void {
    this.root?.adopted!.retire(thread);
  }

  /** Whether tasks or actors are on it. */
  isUsed(thread: AppThread): boolean {
    return this.root?.adopted!.isUsed(thread) === true;
  }

  /**
   * After all threads of the worker, by the deadline: ends those of the runtime. Their tasks are cancelled, their actors are told
   * `shutdown`. What does not end then was started by nobody who waits for it. So it is told, and not counted as cut short.
   */
  async end(deadlineMs: number): Promise<void> {
    const left = (await this.root?.end(Math.min(deadlineMs, monotonicMs() + SHUTDOWN_MS))) ?? 0;
    if (left === 0) return;
    const what = `${count(left, "thread")} of tasks and actors ${left === 1 ? "is" : "are"} ended with work that did not end`;
    this.#options.log.warn({}, `${what}: tasks were cancelled, and actors told to exit with "shutdown"`);
  }

  /** It has ended. `why`: undefined if it was asked to. A main thread lives on, until its process ends, and is not heard any more. */
  left(thread: AppThread, why: HeddleError | undefined): void {
    const reason = why ?? new HeddleError("THREAD_DIED", `${thread.name} has ended`);
    this.root?.adopted!.left(thread, reason, thread.threadId === MAIN_THREAD_ID);
  }
}

const MAIN_THREAD_ID = 0;

/** As long as a supervisor gives its children, in OTP and here. */
const SHUTDOWN_MS = 5000;

/** An actor that is to be ended is only reported if that has not worked for this long. */
const END_PATIENCE_MS = 1000;

/** Pure. */
export function limitsOf({ actors, tasks }: RunawayBudgets): RunawayLimits {
  const [actorMs, taskMs] = [actors, tasks].map(({ action, afterMs }) => (action === "off" ? Infinity : afterMs));
  return actors.action === "kill"
    ? { endMs: actorMs!, warnMs: { actor: actorMs! + END_PATIENCE_MS, task: taskMs! } }
    : { endMs: Infinity, warnMs: { actor: actorMs!, task: taskMs! } };
}

function refuse({ port, answered }: Knock, error: unknown): void {
  port.postMessage({ refused: toWire(error) } satisfies Admission, []);
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
  port.close();
}
