/** What a thread says about its tasks when somebody watches it: `heddle threads`, `heddle status`, `heddle leaks`. */

import { placeOf } from "../../runtime/watch/parked-place.ts";
import { siteOf } from "../../runtime/watch/start-sites.ts";
import { addWatcher, type Looked } from "../../runtime/watch/watchers.ts";
import type { UnitCounts } from "../../runtime/watch/unit-counts.ts";
import type { UnitView } from "../../runtime/watch/unit-groups.ts";
import { jobSites } from "../jobs/jobs.ts";
import { allUnits, type Unit } from "../jobs/unit.ts";
import { probeTasks } from "./leaks-here.ts";

function counts(): Partial<UnitCounts> {
  let [tasks, parkedTasks, queuedTasks] = [0, 0, 0];
  for (const { state } of allUnits()) {
    tasks += 1;
    if (state === "parked") parkedTasks += 1;
    else if (state === "queued") queuedTasks += 1;
  }
  return { tasks, parkedTasks, queuedTasks };
}

async function look(most: number): Promise<Looked> {
  const described: Promise<UnitView>[] = [];
  let more = 0;
  for (const unit of allUnits()) {
    if (described.length < most) described.push(describe(unit));
    else more += 1;
  }
  return { units: await Promise.all(described), more };
}

async function describe(unit: Unit): Promise<UnitView> {
  const { name, state, where, sinceMs, waits } = unit;
  const seen: UnitView = {
    kind: "task",
    name,
    state: state === "parked" ? "parked" : state === "running" ? "running" : "runnable",
    where,
    startedAt: siteOf(unit),
    forMs: Math.max(0, performance.now() - sinceMs),
  };
  if (state !== "parked") return seen;
  // It may have begun several waits. What it is parked at is one that an async function awaits.
  const places = await Promise.all(waits.map(placeOf));
  const awaited = places.findIndex((frames) => frames.length > 0);
  return awaited === -1 ? seen : { ...seen, where: waits[awaited]!.where, parkedAt: places[awaited] };
}

addWatcher("tasks", { counts, look, probeLeaks: probeTasks, sites: jobSites });
