/**
 * What this thread can say about its tasks and actors. The libraries register here when the program imports them, so that a server
 * which asks imports neither of them, and a thread that uses none says nothing.
 *
 *   src/tasks/inspect/watched-tasks.ts, src/actors/inspect/watched-actors.ts   register
 *   unit-look.ts                                                              asks all that have
 *   unit-publisher.ts                                                         writes their counts into shared memory
 */

import { perThread } from "../../kit/per-thread.ts";
import type { UnitCounts } from "./unit-counts.ts";
import type { UnitView } from "./unit-groups.ts";

export interface UnitLeak {
  readonly kind: UnitView["kind"];
  readonly id: string;
  readonly name: string | undefined;
  /** What it waits for: "receive", "mutex" … Undefined: a promise of the program that nobody settles. */
  readonly where: string | undefined;
  /** Milliseconds since 1970. Undefined: not known. */
  readonly since: number | undefined;
  /** Where it was started: `function (file:line:column)`. Undefined: not known. */
  readonly startedAt: string | undefined;
}

/** One look for leaks: see leak-collection.ts. */
export interface LeakProbe {
  /** Makes the library's own references to its units weak. Returns what restores them, and tells which are gone. */
  readonly hide: () => () => readonly UnitLeak[];
}

export interface Looked {
  readonly units: readonly UnitView[];
  /** Units beyond `most`. */
  readonly more: number;
}

export interface UnitWatcher {
  readonly counts: () => Partial<UnitCounts>;
  /** Describes at most so many. Called in a turn of the loop of its own. */
  readonly look: (most: number) => Promise<Looked>;
  /** Called in a turn before the collection. */
  readonly probeLeaks: () => Promise<LeakProbe>;
  /** Where this thread has started tasks that are on others: by their ids. */
  readonly sites?: () => readonly (readonly [id: string, site: string])[];
  /** The actors of this thread by their supervisors: a `Look` (src/actors/inspect/observed-tree.ts). */
  readonly tree?: (most: number) => unknown;
}

interface Watchers {
  readonly all: Map<string, UnitWatcher>;
  /** Called when the first one registers. */
  begun: (() => void) | undefined;
}

function watchers(): Watchers {
  return perThread<Watchers>("unit-watchers", () => ({ all: new Map(), begun: undefined }));
}

export function addWatcher(name: string, watcher: UnitWatcher): void {
  const { all, begun } = watchers();
  const isFirst = all.size === 0;
  all.set(name, watcher);
  if (isFirst) begun?.();
}

/** Empty: the program has not imported a library that has units. */
export function watchersHere(): UnitWatcher[] {
  return [...watchers().all.values()];
}

/** `begun` is called once, when there is something to watch on this thread. */
export function whenWatched(begun: () => void): void {
  const own = watchers();
  own.begun = begun;
  if (own.all.size > 0) begun();
}
