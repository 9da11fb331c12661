/** The runtime's own messages: over the links, as the service without a name, and to a thread when it starts. */

import type { MessagePort } from "node:worker_threads";
import type { WireError } from "../../errors/errors.ts";

/** The purpose of a thread on which units are placed: many tasks and actors at once, or one blocking function at a time. */
export type Role = "scheduler" | "blocking";

/** Threads of the server (`door.ts`). Nothing is placed on them; a thread of the server may also be a `scheduler`. */
export type ServerRole = "serving" | "handler";

export interface Member {
  readonly id: number;
  /** Nothing is placed on the root. */
  readonly role: Role | ServerRole | "root";
}

export interface Introduction extends Member {
  readonly port: MessagePort;
}

/** In a thread's workerData. `birth.ts` reads it. */
export interface Birth {
  readonly heddleRuntime: {
    readonly self: Member;
    readonly board: SharedArrayBuffer;
    readonly peers: readonly Introduction[];
    /** The runtime is a server's, which starts it and ends it. */
    readonly isServers: boolean;
    /** The runtime has not started the thread: its owner lets it begin and end. */
    readonly isAdopted: boolean;
  };
}

export type Control =
  /** From any thread: the service of this name is in this module. */
  | { readonly type: "service"; readonly name: string; readonly module: string }
  /** From the root: there is another thread. */
  | { readonly type: "added"; readonly peer: Introduction }
  /** From the root: a thread has ended. Its link closes after its last message, unless it never began or is given up. */
  | { readonly type: "gone"; readonly id: number; readonly why: WireError; readonly neverBegan: boolean }
  /** To the root: all threads of this role are busy. */
  | { readonly type: "grow"; readonly role: Role }
  /** To the root: the most threads of this role. */
  | { readonly type: "resize"; readonly role: Role; readonly threads: number }
  /** From the root: it can start no thread of this role, so do without. */
  | { readonly type: "no-room"; readonly role: Role }
  /** From the root: it ends this thread soon. */
  | { readonly type: "stop" }
  /** To the root: the sender's loop turns. */
  | { readonly type: "ready" }
  /** From the root: answer when your loop has no work. */
  | { readonly type: "ask"; readonly round: number }
  /**
   * To the root: the sender has no work. The messages sent and received on each link so far, and how many units are parked
   * that the program should wait for.
   */
  | { readonly type: "quiet"; readonly round: number; readonly counts: Counts; readonly unfinished: number };

/** By the number of the thread at the other end: [sent, received]. */
export type Counts = Readonly<Record<number, readonly [sent: number, received: number]>>;
