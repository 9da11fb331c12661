/**
 * The messages between an app process's main thread (`app-process-main.ts`) and its watch thread (`watch-thread-main.ts`)
 * about the process itself. What is about serving goes over a port of its own, as with every serving thread
 * (`serving/serving-protocol.ts`).
 */

import type { MessagePort } from "node:worker_threads";

export interface WatchBoot {
  /** To the main thread, as a serving thread. */
  readonly port: MessagePort;
  /** The process's, for the threads that run the app. The watch thread does without (`supervise/preloads.ts`). */
  readonly preloads: readonly string[];
  readonly nodeOptions: string | undefined;
}

export type FromMainThread =
  /** A SIGTERM: only the main thread hears of signals. */
  | { readonly type: "terminate" }
  /** The process ends now, whoever ends it. Answered in shared memory: the main thread's loop no longer turns. */
  | { readonly type: "leaving"; readonly answered: Int32Array<SharedArrayBuffer> };

/** The process is to end. If it has not within a time, the watch thread kills it. */
export interface ToMainThread {
  readonly type: "exit";
  readonly code: number;
}
