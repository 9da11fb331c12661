/**
 * How many tasks and actors a thread has, in shared memory: whoever has the row reads it without asking the thread, which may be
 * blocked. The thread writes its row about once a second, and no other thread does.
 *
 * All words are numbers of one thread's own, written one by one: a reader may see some from this second and some from the one
 * before. They are for display. Each is a float64, so none wraps.
 *
 * If the thread dies, its row stays as it is. Whoever started the thread closes the row.
 */

import { monotonicMs } from "../../kit/clock.ts";

export interface UnitCounts {
  /** Tasks that have not ended. */
  readonly tasks: number;
  /** Of these: those that wait for a channel, a lock, a timer … of this library. */
  readonly parkedTasks: number;
  /** Of these: those that have not begun. */
  readonly queuedTasks: number;
  /** Actors that have not exited. */
  readonly actors: number;
  /** Of these: those that wait in `receive`. */
  readonly parkedActors: number;
  /** Of these: those that wait for their turn. */
  readonly runnableActors: number;
  /** In all mailboxes. */
  readonly messages: number;
  readonly longestMailbox: number;
  /** The age of the oldest message in a mailbox. */
  readonly oldestMessageMs: number | undefined;
  /** Children that supervisors have restarted since the thread began. */
  readonly restarts: number;
}

export const NO_UNITS: UnitCounts = {
  tasks: 0,
  parkedTasks: 0,
  queuedTasks: 0,
  actors: 0,
  parkedActors: 0,
  runnableActors: 0,
  messages: 0,
  longestMailbox: 0,
  oldestMessageMs: undefined,
  restarts: 0,
};

/** The sums. Of the longest mailbox and the oldest message the maximum. */
export function addCounts(all: readonly UnitCounts[]): UnitCounts {
  return all.reduce(
    (sum, each) => ({
      tasks: sum.tasks + each.tasks,
      parkedTasks: sum.parkedTasks + each.parkedTasks,
      queuedTasks: sum.queuedTasks + each.queuedTasks,
      actors: sum.actors + each.actors,
      parkedActors: sum.parkedActors + each.parkedActors,
      runnableActors: sum.runnableActors + each.runnableActors,
      messages: sum.messages + each.messages,
      longestMailbox: Math.max(sum.longestMailbox, each.longestMailbox),
      oldestMessageMs: oldest(sum.oldestMessageMs, each.oldestMessageMs),
      restarts: sum.restarts + each.restarts,
    }),
    NO_UNITS,
  );
}

export function oldest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** In the order of their words. */
const WORDS = [
  "tasks",
  "parkedTasks",
  "queuedTasks",
  "actors",
  "parkedActors",
  "runnableActors",
  "messages",
  "longestMailbox",
  "restarts",
] as const satisfies readonly (keyof UnitCounts)[];
/** When the oldest message came, so that its age grows while the thread is blocked. 0: there is none. */
const OLDEST = WORDS.length;
const CLOSED = OLDEST + 1;

export class CountsRow {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer((CLOSED + 1) * Float64Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#words = new Float64Array(buffer);
  }

  write(counts: UnitCounts, nowMs: number = monotonicMs()): void {
    for (const [word, name] of WORDS.entries()) this.#words[word] = counts[name];
    const { oldestMessageMs } = counts;
    this.#words[OLDEST] = oldestMessageMs === undefined ? 0 : nowMs - oldestMessageMs;
  }

  read(nowMs: number = monotonicMs()): UnitCounts {
    const since = this.#words[OLDEST]!;
    const counts = Object.fromEntries(WORDS.map((name, word) => [name, this.#words[word]!]));
    const oldestMessageMs = since === 0 ? undefined : Math.max(0, nowMs - since);
    return { ...NO_UNITS, ...counts, oldestMessageMs };
  }

  /** Its thread is gone. */
  close(): void {
    this.#words.fill(0);
    this.#words[CLOSED] = 1;
  }

  get isClosed(): boolean {
    return this.#words[CLOSED] === 1;
  }
}
