/**
 * An I/O thread, its own side: an event loop that runs the tasks of one calling thread. That thread waits for one of them at a
 * time. Tasks whose caller has stopped waiting may still run beside it.
 *
 * A module that is imported here for its tasks is imported a second time, and must not serve here as it does there. So a
 * `listen()` outside a task does nothing. `awaitSync` is refused, which ends a program imported again at the point where it
 * would wait for itself.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError, messageOf, packThrown, toWire, unpackThrown } from "../../errors/errors.ts";
import { setBlockingRules } from "../../runtime/blocking.ts";
import { takeBoot } from "../../supervise/own-port.ts";
import { WakeWord } from "../../kit/wake-word.ts";
import type { FromIo, IoBoot, ToIo } from "./io-thread-protocol.ts";
import { ignoreListen } from "./ignore-listen.ts";
import { findTask, resolveTask, type Task, type TaskRef } from "../jobs/task.ts";
import { currentTask, runTask } from "../context/task-context.ts";
import { transferOf } from "../jobs/transfer.ts";

const boot = takeBoot() as IoBoot;
const wake = WakeWord.at(boot.wake);
/** Stops a call's task. */
const calls = new Map<number, (reason: unknown) => void>();

let fatal: unknown;
let isFatal = false;
process.on("uncaughtExceptionMonitor", (error) => {
  fatal = error;
  isFatal = true;
});
process.on("exit", (exitCode) => {
  tell({ type: "dying", exitCode, error: isFatal ? toWire(fatal) : undefined });
});

setBlockingRules({ may: refuse });
ignoreListen(() => currentTask() === undefined);
boot.port.on("message", (message: ToIo) => {
  if (message.type === "run") void run(message);
  else abort(message);
});
tell({ type: "ready" });

async function run({ call, task, args }: ToIo & { type: "run" }): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  // The signal's listeners belong to the task too.
  calls.set(call, (reason) => runTask({ signal }, () => controller.abort(reason)));
  try {
    const { fn } = findTask(task.url, task.name) ?? (await find(task));
    signal.throwIfAborted();
    const value = await runTask({ signal }, fn as Task<readonly unknown[]>["fn"], ...args);
    returned(call, task, value);
  } catch (error) {
    tell({ type: "threw", call, thrown: packThrown(error) });
  } finally {
    calls.delete(call);
  }
}

async function find({ url, name }: TaskRef): Promise<Task> {
  const found = await resolveTask(url, name);
  tell({ type: "found", url });
  return found;
}

function returned(call: number, { name }: TaskRef, value: unknown): void {
  try {
    tell({ type: "returned", call, value }, transferOf([value]));
  } catch (cause) {
    throw new HeddleError(
      "TASK_NOT_CLONEABLE",
      `the result of the task "${name}" cannot cross to the calling thread: ${messageOf(cause)}`,
      { cause, hint: "Return plain data, without functions, and name what has to move: transfer(value, [buffer])." },
    );
  }
}

function abort({ call, reason }: ToIo & { type: "abort" }): void {
  calls.get(call)?.(unpackThrown(reason));
  tell({ type: "heard", call });
}

function refuse(what: string): never {
  const inTask = currentTask() !== undefined;
  throw new HeddleError(
    "AWAIT_SYNC_REFUSED",
    inTask
      ? `${what} is called inside a task, whose thread must not block.`
      : `${what} is called by a module that is imported here for its tasks, on an I/O thread.`,
    {
      hint: inTask
        ? "Call the other task and await it: `await other(…)`."
        : "Put tasks into a module of their own, or what is to run once into `if (import.meta.main) { … }`.",
    },
  );
}

function tell(message: FromIo, transfer: readonly Transferable[] = []): void {
  boot.port.postMessage(message, [...transfer]);
  wake.wake();
}
