/** A member of a pool, a process or a thread, and its driver. */

import { type MemberState, starting } from "./member-state.ts";

/** How a pool reaches a member. Neither method throws. Both may be called when the member has just ended. */
export interface Driver {
  /** May be repeated with a nearer deadline or a more urgent reason. `deadlineMs`: on the pool's clock. */
  drain(reason: string, deadlineMs: number): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

export class Member<D extends Driver = Driver, E = Error> {
  /** Its number in the order of starts, from 1. */
  readonly serial: number;
  readonly place: number;
  /** Its number among the members of its place. It distinguishes them in shared memory. Wraps at 2^32. */
  readonly generation: number;
  /** The rest of its place's backoff when it was started on demand. Its driver waits this long. */
  readonly delayMs: number;
  state: MemberState;
  /** Undefined only while `spawn` runs. */
  driver!: D;
  /** Why it should be replaced. */
  wish: string | undefined;
  /** Why it ended, or is being killed, if that was not wanted. */
  error: E | undefined;
  readyMs: number | undefined;
  /** The first reason of its drain, if it drains. */
  drainReason: string | undefined;
  heardMs: number;
  isStuck = false;
  /** It was reported as lost. */
  isLost = false;

  constructor(serial: number, place: number, generation: number, delayMs: number, nowMs: number) {
    this.serial = serial;
    this.place = place;
    this.generation = generation;
    this.delayMs = delayMs;
    this.heardMs = nowMs;
    this.state = starting(nowMs);
  }

  get isReady(): boolean {
    return this.state.name === "ready";
  }

  get isGone(): boolean {
    return this.state.name === "gone";
  }
}
