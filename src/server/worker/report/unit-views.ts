/** The tasks and actors of a worker's threads, for `heddle status`, `threads`, `threads --tree` and `leaks`. */

import { type Look, type ObservedNode, treesOf } from "../../../actors/inspect/observed-tree.ts";
import type { UnitCounts } from "../../../runtime/watch/unit-counts.ts";
import type { ThreadName, UnitAnswer } from "../../../runtime/watch/unit-look.ts";
import type { UnitGroup } from "../../../runtime/watch/unit-groups.ts";
import type { UnitLeak } from "../../../runtime/watch/watchers.ts";
import type { CountedThread, RuntimeUnits } from "./runtime-units.ts";
import type { WatchedUnits } from "./watched-units.ts";

/** A thread that runs the app, as the commands name it. */
export interface WatchedThread {
  readonly name: string;
  /** For how long its loop has not turned. It is not asked then. */
  readonly blockedMs: () => number;
  readonly units: WatchedUnits;
}

export interface ThreadUnits {
  readonly counts: UnitCounts;
  /** Undefined: the thread did not answer, and only the counts of its last second are known. */
  readonly groups: readonly UnitGroup[] | undefined;
  /** Units that are in no group. */
  readonly more: number;
}

interface NamedThread {
  readonly worker: number;
  readonly thread: string;
}

/** Counts of one thread, by its name. */
export interface UnitsOfThread extends NamedThread {
  readonly counts: UnitCounts;
}

export interface TreeView extends NamedThread {
  /** For how long its loop has not turned; 0: it turns. */
  readonly blockedMs: number;
  /** Undefined: it does not answer. */
  readonly trees: readonly ObservedNode[] | undefined;
}

export interface LeakView extends NamedThread {
  /** For how long its loop has not turned; 0: it turns. */
  readonly blockedMs: number;
  /** Undefined: it does not answer. */
  readonly leaks: readonly UnitLeak[] | undefined;
}

/** Without asking any thread. */
export function countUnits(threads: readonly WatchedThread[], others: readonly CountedThread[]): UnitsOfThread[] {
  const own = threads.flatMap(({ name, units: { counts } }) =>
    counts === undefined ? [] : [{ ...named(name), counts }],
  );
  return [...own, ...others.map((other) => ({ ...named(nameOf(other)), counts: other.counts }))];
}

function named(thread: string): NamedThread {
  return { worker: process.pid, thread };
}

/** A thread of the runtime, by its number there. */
function nameOf({ role, thread }: ThreadName): string {
  return `${role} thread ${thread}`;
}

/** Undefined: the app on the thread uses neither tasks nor actors. */
export async function lookAtUnits({ blockedMs, units }: WatchedThread): Promise<ThreadUnits | undefined> {
  const answer = blockedMs() > 0 ? undefined : await units.ask("look");
  return unitsOf(answer, units.counts);
}

/** `counts`: from shared memory, if there is no answer. */
export function unitsOf(answer: UnitAnswer | undefined, counts: UnitCounts | undefined): ThreadUnits | undefined {
  if (answer?.counts !== undefined) return { counts: answer.counts, groups: answer.groups, more: answer.more ?? 0 };
  return counts && { counts, groups: undefined, more: counts.tasks + counts.actors };
}

/** The trees of supervisors, by the thread that each begins on. They may span threads. */
export async function viewTrees(threads: readonly WatchedThread[], runtime: RuntimeUnits): Promise<TreeView[]> {
  const used = threads.filter(({ units }) => units.counts !== undefined);
  const [answers, others] = await Promise.all([Promise.all(used.map(askForTree)), runtime.ask("tree")]);
  const names = new Map<number | undefined, string>(others.map((other) => [other.thread, nameOf(other)]));
  for (const [place, answer] of answers.entries())
    if (answer !== undefined) names.set(answer.thread, used[place]!.name);
  const looks = [...answers, ...others].map((answer) => answer?.tree as Look | undefined);
  const byThread = Map.groupBy(treesOf(looks.filter((look) => look !== undefined)), ({ pid }) => threadIn(pid));
  const views = [...names].flatMap(([thread, name]) => {
    const trees = byThread.get(thread!);
    return trees === undefined ? [] : [{ ...named(name), blockedMs: 0, trees }];
  });
  const silent = used
    .filter((_, place) => answers[place] === undefined)
    .map(({ name, blockedMs }) => ({ ...named(name), blockedMs: Math.round(blockedMs()), trees: undefined }));
  return [...views, ...silent, ...others.flatMap(silentTree)];
}

async function askForTree({ blockedMs, units }: WatchedThread): Promise<UnitAnswer | undefined> {
  return blockedMs() > 0 ? undefined : await units.ask("tree");
}

function silentTree(answer: UnitAnswer): TreeView[] {
  return answer.silent === undefined
    ? []
    : [{ ...named(nameOf(answer)), blockedMs: answer.silent.forMs, trees: undefined }];
}

/** `<3.17>`: 3. Before it may be a worker's number: `<2.3.17>`. */
function threadIn(pid: string): number {
  return Number(/(\d+)\.\d+>$/.exec(pid)?.[1]);
}

/** One thread of the app after the other: each stands still while it looks, and the others serve. */
export async function findUnitLeaks(threads: readonly WatchedThread[], runtime: RuntimeUnits): Promise<LeakView[]> {
  const views: LeakView[] = [];
  const sites = new Map<string, string>();
  for (const { name, blockedMs, units } of threads.filter(({ units }) => units.counts !== undefined)) {
    const answer = blockedMs() > 0 ? undefined : await units.ask("leaks");
    for (const [id, site] of answer?.sites ?? []) sites.set(id, site);
    views.push({ ...named(name), blockedMs: Math.round(blockedMs()), leaks: answer?.leaks });
  }
  for (const answer of await runtime.ask("leaks")) {
    for (const [id, site] of answer.sites ?? []) sites.set(id, site);
    views.push({ ...named(nameOf(answer)), blockedMs: answer.silent?.forMs ?? 0, leaks: answer.leaks });
  }
  return views.map(({ leaks, ...view }) => ({
    ...view,
    leaks: leaks?.map((leak) => ({ ...leak, startedAt: leak.startedAt ?? sites.get(leak.id) })),
  }));
}
