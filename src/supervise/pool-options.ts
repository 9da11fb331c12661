/** What a pool is told by its owner: the rules, what is wanted, how a member is started, and whom to tell what. */

import type { BackoffLimits } from "./backoff.ts";
import type { Driver, Member } from "./member.ts";
import type { KillReason, Rules } from "./plan.ts";

/** Time, as the pool sees it. */
export interface PoolClock {
  nowMs(): number;
  /** Calls back once, after `delayMs`; returns how to take that back. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface PoolOptions<D extends Driver, E> {
  readonly rules: Rules;
  readonly clock: PoolClock;
  /** Asked at every look. */
  readonly wanted: () => number;
  /** Elastic pools: how many members there may be at once, asked at every look. */
  readonly places?: () => number;
  readonly backoff?: BackoffLimits;
  /** How late the state of things may be noticed when every event is lost. Default: 1000. Infinity: nothing is to be noticed. */
  readonly lookMs?: number;
  /** Of the first member of each place. Default: 0. */
  readonly firstGeneration?: number;
  /** Starts one. What it throws is a death before it was ready. */
  readonly spawn: (member: Member<D, E>) => D;
  /** The error of a member that the pool kills. */
  readonly killError: (member: Member<D, E>, reason: Exclude<KillReason, "unwanted">) => E;
  readonly onReady?: (member: Member<D, E>) => void;
  readonly onDrain?: (member: Member<D, E>) => void;
  /**
   * It has ended with an error, or is being killed for one, and was to go on. Its place rests for `restMs`. Not told of a
   * trial, which fails with the error, nor while the pool closes.
   */
  readonly onLost?: (member: Member<D, E>, restMs: number) => void;
  readonly onGone?: (member: Member<D, E>) => void;
  /** It was killed, and has not ended since. */
  readonly onStuck?: (member: Member<D, E>) => void;
  /** Whether the loss of this member rests its place. Default: always. */
  readonly isDeath?: (member: Member<D, E>) => boolean;
}
