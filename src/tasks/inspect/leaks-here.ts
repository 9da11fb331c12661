/**
 * The tasks of one thread, for a collection that finds the leaked ones (runtime/watch/leak-collection.ts). A task that waits is an
 * async function that only what will wake it refers to, and this library's lists, which hold their tasks weakly meanwhile.
 *
 * Each step is a function that has returned, so that no task is on the stack.
 */

import { LOAD } from "../../runtime/runtime.ts";
import { collectLeaks } from "../../runtime/watch/leak-collection.ts";
import { releaseFunctions, restoreSite, siteOf, type Stack, takeSite } from "../../runtime/watch/start-sites.ts";
import type { LeakProbe, UnitLeak } from "../../runtime/watch/watchers.ts";
import { running } from "../jobs/runner.ts";
import { allUnits, restoreUnits, takeUnits, type Unit } from "../jobs/unit.ts";
import { sleep } from "../sleep.ts";
import { connected } from "../task-service.ts";
import type { Waiter } from "../waiter.ts";

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
  readonly kept: readonly Kept[];
}

/** Others keep the unit (`Unit.isKept`). */
interface Kept {
  readonly unit: Unit;
  readonly leak: UnitLeak;
  readonly outcome: WeakRef<Promise<unknown>>;
  /** Its newest waiter, which keeps the others. Strong until they are hidden. */
  newest: Waiter | undefined;
  readonly waiters: WeakRef<Waiter> | undefined;
}

export async function leaksHere(): Promise<TaskLeak[]> {
  const leaks = await collectLeaks([{ probeLeaks: probeTasks }]);
  const thread = connected().self;
  return leaks.map(({ id, name, where, since, startedAt }) => ({
    id,
    name: name!,
    thread,
    ...(where === undefined ? {} : { where }),
    since: since!,
    ...(startedAt === undefined ? {} : { startedAt }),
  }));
}

export async function probeTasks(): Promise<LeakProbe> {
  // Parks, so that the library's memory of the last task that parked is of this one.
  await sleep(0);
  const probe = newProbe();
  return { hide: () => hide(probe) };
}

function newProbe(): Probe {
  const places = new WeakMap<Unit, number>();
  const weak = Array.from(allUnits(), (unit, place) => {
    places.set(unit, place);
    return new WeakRef(unit);
  });
  return { weak, places, kept: keptUnits() };
}

/** Requests: their connections keep the units. What they wait with, and what their functions return, nobody keeps but what wakes them. */
function keptUnits(): Kept[] {
  const kept: Kept[] = [];
  for (const unit of allUnits()) {
    const { outcome, waiters } = unit;
    if (outcome === undefined) continue;
    kept.push({
      unit,
      leak: { ...leakOf(unit), name: unit.view().name },
      outcome: new WeakRef(outcome),
      newest: waiters,
      waiters: waiters === undefined ? undefined : new WeakRef(waiters),
    });
  }
  return kept;
}

/** Returns what puts back what there still is, and tells of whom nothing is there any more. */
function hideKept(kept: readonly Kept[]): () => UnitLeak[] {
  // Nothing has happened to those since the probe that would have shown it who wakes them.
  const hidden = kept.filter(({ unit, newest }) => unit.outcome !== undefined && unit.waiters === newest);
  for (const each of kept) each.newest = undefined;
  for (const { unit } of hidden) unit.outcome = unit.waiters = undefined;
  return () => {
    const lost: UnitLeak[] = [];
    for (const { unit, leak, outcome, waiters } of hidden) {
      unit.outcome = outcome.deref();
      unit.waiters = waiters?.deref();
      if (unit.outcome !== undefined) continue;
      lost.push(leak);
      unit.neverGoesOn();
    }
    return lost;
  };
}

function hide(probe: Probe): () => UnitLeak[] {
  const restoreKept = hideKept(probe.kept);
  const suspects = describe(probe);
  releaseFunctions();
  const sites = takeSites(probe);
  const fresh = takeUnits((unit) => probe.places.has(unit));
  const jobs = takeRunning(probe);
  return () => {
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
    const { board, self } = connected();
    if (suspects.size > 0) board.add(self, LOAD.running, -suspects.size);
    return [...suspects.values(), ...restoreKept()];
  };
}

/** All that have started, by their place. */
function describe({ places }: Probe): Map<number, UnitLeak> {
  const found = new Map<number, UnitLeak>();
  for (const unit of allUnits()) {
    const place = places.get(unit);
    if (place === undefined) continue;
    found.set(place, leakOf(unit));
  }
  return found;
}

function leakOf(unit: Unit): UnitLeak {
  const { id, name, where, sinceMs } = unit;
  return { kind: "task", id, name, where, since: performance.timeOrigin + sinceMs, startedAt: siteOf(unit) };
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
