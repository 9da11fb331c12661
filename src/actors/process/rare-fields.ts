/** Fields that few actors need. Made at first use, so that a parked actor stays small. */

import type { ExitReason } from "./exit-reason.ts";
import type { MailboxLimits } from "../messaging/mailbox.ts";
import type { Pid } from "./pid.ts";

/** A monitor as the watched actor's thread knows it. */
export interface Watcher {
  readonly pid: Pid;
  /** Its number on the watching actor's thread. */
  readonly ref: number;
}

/** A call in progress: the caller's side of it, or its stand-in on the server's thread. */
export interface OpenCall {
  /** The server has exited. */
  serverExited(reason: ExitReason): void;
}

/** What became of the start of an actor. */
export type StartOutcome =
  | { readonly type: "started" }
  /** `init` of a server gave `ignore`. */
  | { readonly type: "ignored" }
  | { readonly type: "exited"; readonly reason: ExitReason };

/** A call in progress, on the caller's side. */
export interface OwnCall {
  /** The caller has exited. `killed`: its function must not be unwound. */
  abandon(killed: boolean): void;
}

export class RareFields {
  trapExit: boolean = false;
  /** Of the function it runs, for people. */
  label: string | undefined = undefined;
  name: string | undefined = undefined;
  /** Who spawned it with a link: whose exit stops a server. */
  parent: Pid | undefined = undefined;
  links: Set<Pid> | undefined = undefined;
  /** Monitors of its own, by ref. */
  monitors: Map<number, Pid> | undefined = undefined;
  /** Monitors of others on it. The key has the watcher's thread in it. */
  watchers: Map<string, Watcher> | undefined = undefined;
  /** How often it is in each group. */
  groups: Map<string, number> | undefined = undefined;
  /** Calls to it that have no reply yet. */
  callers: Set<OpenCall> | undefined = undefined;
  /** Calls of its own that have no reply yet. */
  calls: Set<OwnCall> | undefined = undefined;
  limits: MailboxLimits | undefined = undefined;
  /** Threads that were told that its mailbox is full. */
  fullTold: Set<number> | undefined = undefined;
  abort: AbortController | undefined = undefined;
  /** Waits for `init` of a server. */
  started: ((outcome: StartOutcome) => void) | undefined = undefined;
  /** What a server or supervisor is, for the tree. */
  kind: "worker" | "supervisor" | undefined = undefined;
}

export function rareFieldsOf(process: { extra: RareFields | undefined }): RareFields {
  return (process.extra ??= new RareFields());
}
