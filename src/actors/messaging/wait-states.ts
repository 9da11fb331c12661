/** What an actor waits for, by its state. `undefined`: any message. A function: its start, without arguments. */

import type { Deadline } from "./deadlines.ts";
import type { ExitReason } from "../process/exit-reason.ts";
import { nothing } from "./mailbox.ts";

export type Match = (message: never) => boolean;

/** The function that an actor runs. */
export type Body = (self: never, ...args: never[]) => unknown;

export interface ReceiveOptions {
  /** How long to wait for a message that matches. 0 or less: only look. Messages that do not match do not restart it. */
  readonly timeoutMs?: number | undefined;
}

export type Wait = Start | Selection | Ready | Ended;

export class Start {
  readonly body: Body;
  readonly args: readonly unknown[];
  constructor(body: Body, args: readonly unknown[]) {
    this.body = body;
    this.args = args;
  }
}

export class Ready {
  readonly message: unknown;
  constructor(message: unknown) {
    this.message = message;
  }
}

export class Ended {
  readonly reason: ExitReason;
  /** Its next operation rejects, so that its function unwinds. */
  mayUnwind: boolean;
  /** Nothing of its function is left. */
  hasReturned: boolean = false;
  constructor(reason: ExitReason, mayUnwind: boolean) {
    this.reason = reason;
    this.mayUnwind = mayUnwind;
  }
}

/**
 * Any receive that waits. An object of its own and not two fields of the actor, because it is young: V8 must record each young
 * object that an old one refers to, and the promise and the message are always young.
 */
export class Parked {
  resume: ((message: unknown) => void) | undefined = undefined;
  /** It came while the actor waited for any message, and bypasses the mailbox. */
  message: unknown = nothing;
}

/** A receive with a match or a timeout. */
export class Selection implements Deadline {
  readonly process: { wake(): void };
  readonly match: Match | undefined;
  /** The place in the mailbox where the search continues. */
  after: number;
  expired: boolean = false;
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;

  constructor(process: { wake(): void }, match: Match | undefined, after: number) {
    this.process = process;
    this.match = match;
    this.after = after;
  }

  expire(): void {
    this.expired = true;
    this.process.wake();
  }
}
