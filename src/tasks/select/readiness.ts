/** Whether a case could happen now. Only a hint: nothing is taken, and a waiting partner may be of a select that is over. */

import type { LocalChannel } from "../channel/local-channel.ts";
import type { WaitQueue } from "../waiter.ts";

export function isReady(channel: LocalChannel<unknown>, direction: "receive" | "send"): boolean {
  if (channel.isClosed) return true;
  if (direction === "receive") return channel.length > 0 || hasPartner(channel.senders);
  return channel.length < channel.capacity || hasPartner(channel.receivers);
}

function hasPartner(queue: WaitQueue): boolean {
  for (let waiter = queue.first; waiter !== undefined; waiter = waiter.next) {
    if (waiter.selection?.over !== true) return true;
  }
  return false;
}
