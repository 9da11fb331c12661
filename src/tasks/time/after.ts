/** A timeout as a channel, for select: Go's `time.After`. */

import { badDuration, isDuration } from "../../kit/durations.ts";
import type { Channel } from "../channel/channel.ts";
import type { ReceiveOnly } from "../channel/directions.ts";
import { Alarm } from "./timer-channel.ts";

/**
 * A channel on which the current time (milliseconds since 1970) arrives once, after `ms` milliseconds. It is never closed. It has room
 * for the one value, so nothing waits for a receiver. It keeps the program alive only while a task waits for it, and a channel that
 * nobody holds any more leaves no timer behind.
 *
 * @param ms 0 or less: as soon as timers run. `Infinity`: never.
 * @throws HeddleError TASK_INVALID if it is not a number
 */
export function after(ms: number): ReceiveOnly<number> {
  if (!isDuration(ms)) throw badDuration("TASK_INVALID", "the time of after()", ms);
  let channel!: Channel<number>;
  const alarm = new Alarm((made) => (channel = made));
  alarm.set(ms, ringing(alarm));
  return channel;
}

/** Not in `after`: V8 would keep the channel with the function, because another function there uses it. */
function ringing(alarm: Alarm): () => void {
  return () => alarm.ring();
}
