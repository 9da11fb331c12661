/**
 * Finds out when all threads are parked at once, with the method of termination-detection.ts: two rounds of questions in a row give equal
 * counts of messages, and each link's receiver has received what its sender has sent.
 */

import type { Counts } from "../../../runtime/threads/thread-protocol.ts";
import { connected, onThreadGone } from "../../task-service.ts";
import { onTime, type Parked, programCounts, tellTime } from "./protocol.ts";

interface Round {
  readonly waitingFor: Set<number>;
  readonly answers: Map<number, Parked>;
  readonly conclude: () => void;
}

let lastRound = 0;
/** Several, if one fake time has ended in the middle of a round and another has begun. */
const rounds = new Map<number, Round>();

onTime("parked", (from, number, answer) => {
  const round = rounds.get(number);
  if (round?.waitingFor.delete(from) !== true) return;
  round.answers.set(from, answer);
  if (round.waitingFor.size === 0) round.conclude();
});

onThreadGone((thread) => {
  for (const { waitingFor, answers, conclude } of rounds.values()) {
    answers.delete(thread);
    if (waitingFor.delete(thread) && waitingFor.size === 0) conclude();
  }
});

/** Settles with the answers of all other threads. `here`: settles when this thread is parked. Gives up when `isOver`. */
export async function allParked(
  here: () => Promise<void>,
  isOver: () => boolean,
): Promise<ReadonlyMap<number, Parked> | undefined> {
  for (let previous = ""; ; ) {
    await here();
    if (isOver()) return undefined;
    const found = await ask();
    await here();
    const counts: [number, Counts][] = [...found].map(([thread, answer]) => [thread, answer.counts]);
    counts.push([connected().self, programCounts()]);
    const seen = JSON.stringify(counts.sort(([a], [b]) => a - b));
    if (seen === previous && allReceived(new Map(counts))) return found;
    previous = seen;
  }
}

async function ask(): Promise<ReadonlyMap<number, Parked>> {
  const waitingFor = new Set([...connected().threads()].filter((thread) => thread !== connected().self));
  const answers = new Map<number, Parked>();
  if (waitingFor.size === 0) return answers;
  const number = ++lastRound;
  const answered = new Promise<void>((conclude) => {
    rounds.set(number, { waitingFor, answers, conclude });
  });
  for (const thread of waitingFor) tellTime(thread, "ask", number, undefined);
  await answered;
  rounds.delete(number);
  return answers;
}

/** Whether each link between threads that have answered is empty. */
function allReceived(all: ReadonlyMap<number, Counts>): boolean {
  for (const [from, counts] of all) {
    for (const [to, [sent]] of Object.entries(counts)) {
      const other = all.get(Number(to))?.[from];
      if (other !== undefined && other[1] !== sent) return false;
    }
  }
  return true;
}
