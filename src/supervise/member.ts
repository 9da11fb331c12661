/** A member of a pool, a process or a thread, and the driver by which the pool reaches it. */

import { type MemberState, starting } from "./member-state.ts";

/** How a pool reaches a member. Neither method throws; both may be called when the member has just ended. */
export interface Driver {
  /** May be repeated, with a nearer deadline or a more urgent reason. `deadlineMs`: on the pool's clock. */
  drain(reason: string, deadlineMs: number): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

export class Member<D extends Driver = Driver, E = Error> {
  /** Its number in the order of starts, from 1. */
  readonly serial: number;
  readonly place: number;
  /** Which member of its place it is: in shared memory it tells a place's members apart. Wraps at 2^32. */
  readonly generation: number;
  /** How long its place still rested when it was started on demand: its driver waits for so long. */
  readonly delayMs: number;
  state: MemberState;
  /** Undefined only while `spawn` runs. */
  driver!: D;
  /** Why it is to be replaced. */
  wish: string | undefined;
  /** Why it ended, or is being ended, if that was not wanted. */
  error: E | undefined;
  readyMs: number | undefined;
  /** Why it was drained first, if it was. */
  drainReason: string | undefined;
  heardMs: number;
  isStuck = false;
  /** It has been told as lost. */
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
