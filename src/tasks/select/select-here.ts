/** The cases of a select whose channels live on this thread: see select.ts. */

import { LongTimer } from "../../kit/long-timer.ts";
import type { Received } from "../channel/channel-core.ts";
import type { LocalChannel } from "../channel/local-channel.ts";
import { type AnyCase, type Happened, shuffle } from "./select-case.ts";
import { Selection } from "./selection.ts";
import { parkWith, Waiter } from "../waiter.ts";

/** Executes one of the cases that are ready, at random. */
export function attemptHere(cases: readonly AnyCase[]): Happened | undefined {
  for (const each of cases.length > 1 ? shuffle(cases) : cases) {
    const channel = each.core as LocalChannel<unknown>;
    if (each.direction === "receive") {
      if (channel.attemptReceive(undefined) === "done") return { case: each, received: channel.taken };
    } else if (channel.attemptSend(each.value, undefined) === "done") {
      return { case: each, received: SENT };
    }
  }
  return undefined;
}

const SENT: Received<undefined> = { value: undefined, ok: true };

export function parkHere(cases: readonly AnyCase[], patienceMs: number): Promise<Happened | undefined> {
  return parkWith<Happened | undefined>("select", (parked) => {
    const selection = new Selection();
    const waiters: Waiter[] = [];
    let timer: LongTimer | undefined;
    const end = (): void => {
      timer?.clear();
      for (const waiter of waiters) waiter.queue?.remove(waiter);
    };
    // In random order: two cases may wait on one channel, and its partner takes the first.
    for (const each of shuffle(cases)) {
      waiters.push(
        waitHere(each, selection, (received, error) => {
          end();
          if (error === undefined) parked.wake({ case: each, received: received ?? SENT } satisfies Happened);
          else parked.fail(error);
        }),
      );
    }
    timer = new LongTimer(() => {
      if (!selection.win()) return;
      end();
      parked.wake(undefined);
    }, patienceMs);
  });
}

/** Lets a case wait in its channel's queue, for this select. */
export function waitHere(
  each: AnyCase,
  selection: Selection,
  told: (received: Received<unknown> | undefined, error: unknown) => void,
): Waiter {
  const waiter = new Waiter();
  waiter.selection = selection;
  waiter.told = (result, error) => told(result as Received<unknown> | undefined, error);
  const channel = each.core as LocalChannel<unknown>;
  if (each.direction === "send") waiter.value = each.value;
  (each.direction === "send" ? channel.senders : channel.receivers).add(waiter);
  return waiter;
}
