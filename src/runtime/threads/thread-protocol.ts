/** What the runtime says to itself: over the links, as the service without a name, and to a thread when it starts. */

import type { MessagePort } from "node:worker_threads";
import type { WireError } from "../../errors/errors.ts";

/** What a thread is there for: many tasks and actors at once, or one blocking function at a time. */
export type Role = "scheduler" | "blocking";

export interface Member {
  readonly id: number;
  /** The root has none: nothing is placed on it. */
  readonly role: Role | "root";
}

export interface Introduction extends Member {
  readonly port: MessagePort;
}

/** In a thread's workerData; read by `birth.ts`. */
export interface Birth {
  readonly heddleRuntime: {
    readonly self: Member;
    readonly board: SharedArrayBuffer;
    readonly peers: readonly Introduction[];
  };
}

export type Control =
  /** Anybody: the service of this name is in this module. */
  | { readonly type: "service"; readonly name: string; readonly module: string }
  /** Root: there is another thread. */
  | { readonly type: "added"; readonly peer: Introduction }
  /** Root: a thread has ended. Its link says when all it had said has arrived; that of one that never began says nothing. */
  | { readonly type: "gone"; readonly id: number; readonly why: WireError; readonly neverBegan: boolean }
  /** To the root: all threads of this role are busy. */
  | { readonly type: "grow"; readonly role: Role }
  /** To the root: its loop turns. */
  | { readonly type: "ready" }
  /** Root: answer when your loop has nothing to do. */
  | { readonly type: "ask"; readonly round: number }
  /** To the root: it has not. The messages sent and received on each link so far. */
  | { readonly type: "quiet"; readonly round: number; readonly counts: Counts };

/** By the thread at the other end: [sent, received]. */
export type Counts = Readonly<Record<number, readonly [sent: number, received: number]>>;
