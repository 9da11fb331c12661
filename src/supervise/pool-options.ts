/** A pool's options: the rules, the wanted number, how a member is started, and callbacks. */

import type { BackoffLimits } from "./backoff.ts";
import type { Driver, Member } from "./member.ts";
import type { KillReason, Rules } from "./plan.ts";

/** Time, as the pool sees it. */
export interface PoolClock {
  nowMs(): number;
  /** Calls back once, after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface PoolOptions<D extends Driver, E> {
  readonly rules: Rules;
  readonly clock: PoolClock;
  /** Called at every look. */
  readonly wanted: () => number;
  /** Elastic pools: the most members at once. Called at every look. */
  readonly places?: () => number;
  readonly backoff?: BackoffLimits;
  /** The longest time between two looks, even if every event is lost. Default: 1000. Infinity: only events cause a look. */
  readonly lookMs?: number;
  /** The generation of the first member of each place. Default: 0. */
  readonly firstGeneration?: number;
  /** Starts a member. If it throws, that counts as a death before ready. */
  readonly spawn: (member: Member<D, E>) => D;
  /** The error of a member that the pool kills. */
  readonly killError: (member: Member<D, E>, reason: Exclude<KillReason, "unwanted">) => E;
  readonly onReady?: (member: Member<D, E>) => void;
  readonly onDrain?: (member: Member<D, E>) => void;
  /**
   * A member that should go on has ended with an error, or is being killed for one. Its place rests for `restMs`. Not called in
   * a trial, which fails with the error, nor while the pool closes.
   */
  readonly onLost?: (member: Member<D, E>, restMs: number) => void;
  readonly onGone?: (member: Member<D, E>) => void;
  /** It was killed, but has not ended. */
  readonly onStuck?: (member: Member<D, E>) => void;
  /** Whether the loss of this member makes its place rest. Default: always. */
  readonly isDeath?: (member: Member<D, E>) => boolean;
}
