/**
 * Writes this thread's counts of tasks and actors into shared memory, for whoever watches the program: a server. Only a thread
 * that is watched does, and only from when the program has imported a library that has units.
 */

import { monotonicMs } from "../../kit/clock.ts";
import { setInterval } from "../../kit/native-timers.ts";
import { perThread } from "../../kit/per-thread.ts";
import { countsHere, thisThreadName, type ThreadName } from "./unit-look.ts";
import { CountsRow } from "./unit-counts.ts";
import { whenWatched } from "./watchers.ts";

export interface PublishedRow extends ThreadName {
  readonly row: SharedArrayBuffer;
}

/** What is shown is at most this old, on a thread with few units. */
const EVERY_MS = 1000;
/** Counting goes over all units. It takes at most this part of the thread's time. */
const SHARE = 0.01;

interface Publisher {
  row: CountsRow | undefined;
  readonly listeners: ((published: PublishedRow) => void)[];
}

function publisher(): Publisher {
  return perThread<Publisher>("unit-publisher", () => ({ row: undefined, listeners: [] }));
}

/** `tell` gets the row, when there is one. */
export function publishCounts(tell: (published: PublishedRow) => void): void {
  const { row, listeners } = publisher();
  if (row !== undefined) return tell({ ...thisThreadName(), row: row.buffer });
  listeners.push(tell);
  whenWatched(begin);
}

function begin(): void {
  const own = publisher();
  if (own.row !== undefined) return;
  const row = (own.row = new CountsRow());
  for (const tell of own.listeners) tell({ ...thisThreadName(), row: row.buffer });
  let nextMs = 0;
  setInterval(() => {
    const startedMs = monotonicMs();
    if (startedMs < nextMs) return;
    row.write(countsHere());
    nextMs = monotonicMs() + (monotonicMs() - startedMs) / SHARE - EVERY_MS;
  }, EVERY_MS).unref();
}
