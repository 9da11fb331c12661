/**
 * The leaked tasks and actors of this thread: those that can never go on, because nobody else can reach what they wait for. V8 finds
 * them: what waits is an async function that only what will wake it refers to. If nothing else does, a garbage collection takes
 * both. So for the time of one collection the libraries' own references to their units are replaced by weak ones, as Go's goroutine
 * leak profile does with the references to blocked goroutines.
 *
 * Invariants
 * - A unit that something can wake is never taken: a timer, I/O, another unit or another thread that can reach what it waits for.
 * - Nothing else runs between `hide` and what it returns: both are in one stretch.
 * - The objects that are looked for are on no stack meanwhile: each step is a function that has returned.
 */

import { fullCollection } from "../../kit/full-collection.ts";
import { setImmediate } from "../../kit/native-timers.ts";
import type { LeakProbe, UnitLeak, UnitWatcher } from "./watchers.ts";

/** Tasks and actors together: a leaked task may be what holds an actor, and the other way round. */
export async function collectLeaks(watchers: readonly Pick<UnitWatcher, "probeLeaks">[]): Promise<UnitLeak[]> {
  const probes = await Promise.all(watchers.map((watcher) => watcher.probeLeaks()));
  // What a job has made a weak reference to lives until its end.
  return await new Promise((resolve, reject) =>
    setImmediate(() => {
      try {
        resolve(collect(probes));
      } catch (error) {
        reject(error);
      }
    }),
  );
}

function collect(probes: readonly LeakProbe[]): UnitLeak[] {
  const restores = probes.map(({ hide }) => hide());
  // What a dead object held may need a second one.
  fullCollection();
  fullCollection();
  return restores.flatMap((restore) => restore());
}
