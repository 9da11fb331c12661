/**
 * What the first thread tells the others under fake time, and their answers: [OP.time, what, number, value]. The messages are counted,
 * because they are no activity of the program: see quiet.ts.
 */

import type { Counts } from "../../../runtime/threads/thread-protocol.ts";
import { connected, handle, OP, tell } from "../../task-service.ts";

/** What a thread that is parked answers. */
export interface Parked {
  /** Messages of the program, sent and received on each link. */
  readonly counts: Counts;
  /** When its next timer fires; `ref`: its next timer that keeps a program alive. */
  readonly any: number | undefined;
  readonly ref: number | undefined;
}

export interface TimeMessages {
  /** The shared time: fake from now on. */
  readonly begin: SharedArrayBuffer;
  /** The number of a round: answer when you are parked. */
  readonly ask: undefined;
  readonly parked: Parked;
  /** The time has moved. */
  readonly moved: undefined;
  readonly end: undefined;
}

const sent = new Map<number, number>();
const received = new Map<number, number>();
const listeners = new Map<string, (from: number, round: number, value: never) => void>();

export function tellTime<W extends keyof TimeMessages>(
  to: number,
  what: W,
  round: number,
  value: TimeMessages[W],
): void {
  sent.set(to, (sent.get(to) ?? 0) + 1);
  tell(to, [OP.time, what, round, value]);
}

export function onTime<W extends keyof TimeMessages>(
  what: W,
  listener: (from: number, round: number, value: TimeMessages[W]) => void,
): void {
  listeners.set(what, listener);
}

handle(OP.time, (from, [what, round, value]) => {
  received.set(from, (received.get(from) ?? 0) + 1);
  listeners.get(what as string)!(from, round as number, value as never);
});

/** The program's messages so far, without these. */
export function programCounts(): Counts {
  const counts: Record<number, readonly [number, number]> = {};
  for (const [thread, [out, come]] of Object.entries(connected().counts())) {
    const other = Number(thread);
    counts[other] = [out - (sent.get(other) ?? 0), come - (received.get(other) ?? 0)];
  }
  return counts;
}
