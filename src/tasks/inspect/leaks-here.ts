/**
 * The leaked tasks of one thread: those that can never go on, because what they wait for is known to nobody else. V8 finds them: a task
 * that waits is an async function that only what will wake it refers to. If nothing else does, a garbage collection takes both. So for
 * the time of one collection the library's own references to its tasks are replaced by weak ones, as Go's goroutine leak profile does with
 * the references to blocked goroutines.
 *
 * Invariants
 * - A task that something can wake is never taken: a timer, I/O, another task or another thread that can reach what it waits for.
 * - Nothing else runs while the list of tasks is empty: it is taken and restored in one stretch.
 * - The objects that are looked for are on no stack meanwhile: each step is a function that has returned.
 */

import { fullCollection } from "../../kit/full-collection.ts";
import { setImmediate } from "../../kit/native-timers.ts";
import { LOAD } from "../../runtime/runtime.ts";
import { running } from "../jobs/runner.ts";
import { releaseFunctions, restoreSite, siteOf, type Stack, takeSite } from "../jobs/start-sites.ts";
import { allUnits, restoreUnits, takeUnits, type Unit } from "../jobs/unit.ts";
import { sleep } from "../sleep.ts";
import { connected } from "../task-service.ts";

/** A task that can never go on. */
export interface TaskLeak {
  /** Equals `Handle.id`. */
  readonly id: string;
  readonly name: string;
  readonly thread: number;
  /** What it waits for: "receive", "send", "select", "mutex" …; undefined: a promise of the program that nobody settles. */
  readonly where?: string;
  /** Since when. Milliseconds since 1970. */
  readonly since: number;
  /** Where it was started: `function (file:line:column)`. Not of each task: at most 1,000 have it, and one more for each millisecond. */
  readonly startedAt?: string;
}

interface Probe {
  /** In no order. */
  readonly weak: WeakRef<Unit>[];
  readonly places: WeakMap<Unit, number>;
}

export async function leaksHere(): Promise<TaskLeak[]> {
  // Parks, so that the library's memory of the last task that parked is of this one.
  await sleep(0);
  const probe = newProbe();
  // What a job has made a weak reference to lives until its end.
  const leaks = await new Promise<TaskLeak[]>((resolve) => setImmediate(() => resolve(collect(probe))));
  const { board, self } = connected();
  if (leaks.length > 0) board.add(self, LOAD.running, -leaks.length);
  return leaks;
}

function newProbe(): Probe {
  const places = new WeakMap<Unit, number>();
  const weak = Array.from(allUnits(), (unit, place) => {
    places.set(unit, place);
    return new WeakRef(unit);
  });
  return { weak, places };
}

function collect(probe: Probe): TaskLeak[] {
  const suspects = describe(probe);
  releaseFunctions();
  const sites = takeSites(probe);
  const fresh = takeUnits((unit) => probe.places.has(unit));
  const jobs = takeRunning(probe);
  // What a dead object held may need a second one.
  fullCollection();
  fullCollection();
  const alive: Unit[] = [];
  for (const place of suspects.keys()) {
    const unit = probe.weak[place]!.deref();
    if (unit === undefined) continue;
    alive.push(unit);
    const site = sites.get(place);
    if (site !== undefined) restoreSite(unit, site);
    suspects.delete(place);
  }
  restoreUnits([...fresh, ...alive]);
  for (const [key, place] of jobs) {
    const unit = probe.weak[place]!.deref();
    if (unit !== undefined) running.set(key, unit);
  }
  return [...suspects.values()];
}

/** All that have started, by their place. */
function describe({ places }: Probe): Map<number, TaskLeak> {
  const found = new Map<number, TaskLeak>();
  const thread = connected().self;
  for (const unit of allUnits()) {
    const place = places.get(unit);
    if (place === undefined) continue;
    const { id, name, where, sinceMs } = unit;
    const startedAt = siteOf(unit);
    found.set(place, {
      id,
      name,
      thread,
      ...(where === undefined ? {} : { where }),
      since: performance.timeOrigin + sinceMs,
      ...(startedAt === undefined ? {} : { startedAt }),
    });
  }
  return found;
}

function takeSites({ places }: Probe): Map<number, Stack> {
  const taken = new Map<number, Stack>();
  for (const unit of allUnits()) {
    const place = places.get(unit);
    const site = place === undefined ? undefined : takeSite(unit);
    if (site !== undefined) taken.set(place!, site);
  }
  return taken;
}

/** The tasks of other threads. One that has asked for its context may be cancelled by its handle there. */
function takeRunning({ places }: Probe): [key: string, place: number][] {
  const taken: [string, number][] = [];
  for (const [key, unit] of running) {
    const place = places.get(unit);
    if (place === undefined || unit.hasContext || unit.state === "queued") continue;
    taken.push([key, place]);
    running.delete(key);
  }
  return taken;
}
