/** What this thread answers to a question about its tasks and actors, of whoever asks: the server, or the root of the runtime. */

import { threadId } from "node:worker_threads";
import { ifPerThread } from "../../kit/per-thread.ts";
import type { Runtime } from "../runtime.ts";
import { collectLeaks } from "./leak-collection.ts";
import { addCounts, NO_UNITS, type UnitCounts } from "./unit-counts.ts";
import { groupUnits, type UnitGroup } from "./unit-groups.ts";
import { type UnitLeak, watchersHere } from "./watchers.ts";

/** `tree`: the actors by their supervisors. `leaks` runs a full garbage collection, which stops the thread meanwhile. */
export type UnitQuestion = "look" | "tree" | "leaks";

/** A thread, by its own number and role in the runtime. */
export interface ThreadName {
  /** Node's number. Undefined: not known, because it does not answer. */
  readonly threadId: number | undefined;
  /** Undefined: it has not used the runtime. */
  readonly thread: number | undefined;
  readonly role: string | undefined;
}

export interface UnitAnswer extends ThreadName {
  /** Set if the thread has not answered in time, and nothing else is known. */
  readonly silent?: { readonly forMs: number; readonly unit: string | undefined; readonly frame: string | undefined };
  readonly counts?: UnitCounts;
  readonly groups?: readonly UnitGroup[];
  /** Units that were not looked at. */
  readonly more?: number;
  /** A `Look` (src/actors/inspect/observed-tree.ts). */
  readonly tree?: unknown;
  readonly leaks?: readonly UnitLeak[];
  /** Where the thread has started tasks that are on others, by their ids. */
  readonly sites?: readonly (readonly [id: string, site: string])[];
}

/** Describing so many takes some tens of milliseconds. */
const MOST_UNITS = 5000;
/** Lines for people. */
const MOST_GROUPS = 50;
/** Actors that are no supervisors, in a tree. */
const MOST_IN_TREE = 1000;

/** The runtime's module is not imported for the sake of the answer. */
export function thisThreadName(): ThreadName {
  const runtime = ifPerThread("runtime") as Runtime | undefined;
  return { threadId, thread: runtime?.self, role: runtime?.role };
}

export function countsHere(): UnitCounts {
  return addCounts(watchersHere().map((watcher) => ({ ...NO_UNITS, ...watcher.counts() })));
}

/** Undefined: the program has not imported a library that has units. */
export async function answerHere(question: UnitQuestion): Promise<UnitAnswer | undefined> {
  const watchers = watchersHere();
  if (watchers.length === 0) return undefined;
  const name = thisThreadName();
  if (question === "look") return { ...name, ...(await look()) };
  if (question === "tree") {
    return { ...name, tree: watchers.find(({ tree }) => tree !== undefined)?.tree?.(MOST_IN_TREE) };
  }
  const leaks = await collectLeaks(watchers);
  return { ...name, leaks, sites: watchers.flatMap((watcher) => watcher.sites?.() ?? []) };
}

async function look(): Promise<Pick<UnitAnswer, "counts" | "groups" | "more">> {
  const counts = countsHere();
  const looked = await Promise.all(watchersHere().map((watcher) => watcher.look(MOST_UNITS)));
  const groups = groupUnits(looked.flatMap(({ units }) => units));
  const left = groups.slice(MOST_GROUPS).reduce((sum, { count }) => sum + count, 0);
  return { counts, groups: groups.slice(0, MOST_GROUPS), more: looked.reduce((sum, { more }) => sum + more, left) };
}
