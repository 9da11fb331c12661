/**
 * The messages between a thread and its I/O thread, over a port of their own. The calling thread's side is
 * `io-thread-handle.ts`, the I/O thread's `io-thread-main.ts`.
 *
 *   calling thread              I/O thread
 *     spawn (workerData)     →
 *                            ←  ready      from now on it receives messages
 *     run                    →
 *                            ←  found      a module's tasks are loaded: if it is slow now, that is the task, not the import
 *                            ←  returned | threw
 *     abort                  →  ←  heard   the loop turns: the task was told
 *                            ←  dying      its last message
 *
 * The calling thread reads only while it is blocked. So each message is followed by a wake-up of its word
 * (runtime/blocking.ts).
 */

import type { MessagePort } from "node:worker_threads";
import type { WireError, WireThrown } from "../../errors/errors.ts";
import type { WakePlace } from "../../kit/wake-word.ts";
import type { TaskRef } from "../jobs/task.ts";

export interface IoBoot {
  readonly port: MessagePort;
  readonly wake: WakePlace;
}

export type ToIo =
  | { readonly type: "run"; readonly call: number; readonly task: TaskRef; readonly args: readonly unknown[] }
  | { readonly type: "abort"; readonly call: number; readonly reason: WireThrown };

export type FromIo =
  | { readonly type: "ready" }
  | { readonly type: "found"; readonly url: string }
  | { readonly type: "returned"; readonly call: number; readonly value: unknown }
  | { readonly type: "threw"; readonly call: number; readonly thrown: WireThrown }
  | { readonly type: "heard"; readonly call: number }
  | { readonly type: "dying"; readonly exitCode: number; readonly error: WireError | undefined };
