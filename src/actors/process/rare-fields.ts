/** Fields that few actors need. Made on first use, so that a parked actor stays small. */

import type { ExitReason } from "./exit-reason.ts";
import type { MailboxLimits } from "../messaging/mailbox.ts";
import type { Place } from "../inspect/tree-path.ts";
import type { Pid } from "./pid.ts";

/** A monitor, on the watched actor's thread. */
export interface Watcher {
  readonly pid: Pid;
  /** Its number on the watching actor's thread. */
  readonly ref: number;
}

/** A call in progress: its caller's side, or its stand-in on the server's thread. */
export interface OpenCall {
  /** The server has exited. */
  serverExited(reason: ExitReason): void;
}

/** The outcome of an actor's start. */
export type StartOutcome =
  | { readonly type: "started" }
  /** `init` of a server returned `ignore`. */
  | { readonly type: "ignored" }
  | { readonly type: "exited"; readonly reason: ExitReason };

/** A call in progress, on the caller's side. */
export interface OwnCall {
  /** The caller has exited. `silently`: its function has returned, or must not be unwound. */
  abandon(silently: boolean): void;
}

export class RareFields {
  trapExit: boolean = false;
  acceptPriority: boolean = false;
  /** Name of its function, for display. */
  label: string | undefined = undefined;
  name: string | undefined = undefined;
  /** The number of its registration. */
  nameNumber: number = 0;
  /** The actor that spawned it with a link. Its exit stops a server. */
  parent: Pid | undefined = undefined;
  links: Set<Pid> | undefined = undefined;
  /** Actors of other threads that have not acknowledged an `unlink` yet, and its number. */
  unlinking: Map<Pid, number> | undefined = undefined;
  /** Its own monitors, by ref. */
  monitors: Map<number, Pid> | undefined = undefined;
  /** Monitors of others on it. The key contains the watcher's thread. */
  watchers: Map<string, Watcher> | undefined = undefined;
  /** How often it is in each group. */
  groups: Map<string, number> | undefined = undefined;
  /** Calls to it that have no reply yet. */
  callers: Set<OpenCall> | undefined = undefined;
  /** Its own calls that have no reply yet. */
  calls: Set<OwnCall> | undefined = undefined;
  limits: MailboxLimits | undefined = undefined;
  /** Threads that were told that its mailbox is full. */
  fullTold: Set<number> | undefined = undefined;
  abort: AbortController | undefined = undefined;
  /** Resolves when a server's `init` is done. */
  started: ((outcome: StartOutcome) => void) | undefined = undefined;
  /** Where it is in a tree of supervisors. */
  place: Place | undefined = undefined;
  /** Whether it is a server or supervisor, for the tree. */
  kind: "worker" | "supervisor" | undefined = undefined;
  /** Of a supervisor: children that it has restarted. */
  restarts: number = 0;
}

export function rareFieldsOf(process: { extra: RareFields | undefined }): RareFields {
  return (process.extra ??= new RareFields());
}
