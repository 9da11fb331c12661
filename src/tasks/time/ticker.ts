/** A clock as a channel: Go's `time.Ticker`. */

import { HeddleError } from "../../errors/errors.ts";
import type { Channel } from "../channel/channel.ts";
import type { ReceiveOnly } from "../channel/directions.ts";
import { Alarm } from "./timer-channel.ts";

/**
 * Sends the current time (milliseconds since 1970) every `intervalMs` on `channel`. A slow receiver loses ticks rather than getting them
 * late: at most one waits in the channel. A late tick does not delay the following ones. It keeps the program alive only while a task
 * waits for a tick. With `using` it is stopped when its scope is left.
 */
export class Ticker implements Disposable {
  /** Never closed: a task that waits for a tick of a stopped ticker waits until it is reset. */
  readonly channel: ReceiveOnly<number>;
  readonly #alarm: Alarm;

  /** @throws HeddleError TASK_INVALID if `intervalMs` is not a finite number greater than 0 */
  constructor(intervalMs: number) {
    let channel!: Channel<number>;
    this.#alarm = new Alarm((made) => (channel = made));
    this.channel = channel;
    this.reset(intervalMs);
  }

  /** No further ticks. One that nobody has received is taken back. The channel is not closed. */
  stop(): void {
    this.#alarm.clear();
    this.#alarm.hush();
  }

  /**
   * Starts again: the next tick comes after this many milliseconds, also if the ticker was stopped. A tick that nobody has received is
   * taken back.
   *
   * @throws HeddleError TASK_INVALID if `intervalMs` is not a finite number greater than 0
   */
  reset(intervalMs: number): void {
    const everyMs = checked(intervalMs);
    this.stop();
    this.#alarm.set(everyMs, tick(this.#alarm, everyMs, Date.now() + everyMs));
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

function checked(intervalMs: unknown): number {
  if (typeof intervalMs === "number" && intervalMs > 0 && intervalMs < Infinity) return intervalMs;
  throw new HeddleError(
    "TASK_INVALID",
    `the interval of a ticker must be a finite number of milliseconds greater than 0, and is ${String(intervalMs)}.`,
  );
}

/** Not a method: the timer must not hold the ticker, which holds the channel. */
function tick(alarm: Alarm, intervalMs: number, dueMs: number): () => void {
  return () => {
    const { nextMs, dueMs: nextDueMs } = nextTick(intervalMs, dueMs, Date.now());
    alarm.set(nextMs, tick(alarm, intervalMs, nextDueMs));
    alarm.ring();
  };
}

/** When the next tick comes, if one that was due at `dueMs` comes now. What was missed is left out. Pure. */
export function nextTick(
  intervalMs: number,
  dueMs: number,
  nowMs: number,
): { readonly nextMs: number; readonly dueMs: number } {
  const lateMs = nowMs - dueMs;
  // The wall clock was set, by more than a late timer explains.
  if (lateMs < 0 || lateMs > JUMP_MS) return { nextMs: intervalMs, dueMs: nowMs + intervalMs };
  const nextMs = intervalMs - (lateMs % intervalMs);
  return { nextMs, dueMs: nowMs + nextMs };
}

/** An event loop is hardly blocked for longer. After a longer gap, ticks begin anew. */
const JUMP_MS = 60_000;
