/** The tasks and actors of a worker's threads, for `heddle status`, `threads`, `threads --tree` and `leaks`. */

import { type Look, type ObservedNode, treesOf } from "../../../actors/inspect/observed-tree.ts";
import type { UnitCounts } from "../../../runtime/watch/unit-counts.ts";
import type { ThreadName, UnitAnswer } from "../../../runtime/watch/unit-look.ts";
import type { UnitGroup } from "../../../runtime/watch/unit-groups.ts";
import type { UnitLeak } from "../../../runtime/watch/watchers.ts";
import type { CountedThread, WatchedUnits } from "./watched-units.ts";

/** A thread that runs the app, as the commands name it. */
export interface AppThread {
  readonly name: string;
  readonly threadId: number;
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

/** Counts of one thread, by its name. */
export interface UnitsOfThread {
  readonly worker: number;
  readonly thread: string;
  readonly counts: UnitCounts;
}

export interface TreeView {
  readonly worker: number;
  readonly thread: string;
  /** Since when its loop has not turned; 0: it turns. */
  readonly blockedMs: number;
  /** Undefined: it does not answer. */
  readonly trees: readonly ObservedNode[] | undefined;
}

export interface LeakView {
  readonly worker: number;
  readonly thread: string;
  /** Since when its loop has not turned; 0: it turns. */
  readonly blockedMs: number;
  /** Undefined: it does not answer. */
  readonly leaks: readonly UnitLeak[] | undefined;
}

interface Asked {
  readonly thread: AppThread;
  readonly answers: readonly UnitAnswer[] | undefined;
}

/** Without asking any thread. */
export function countUnits(threads: readonly AppThread[]): UnitsOfThread[] {
  const seen = new Set(threads.map(({ threadId }) => threadId));
  return threads.flatMap(({ name, threadId, units }) =>
    units.counts().flatMap((counted) => {
      const isOwn = counted.threadId === threadId;
      // Several threads may know of the same one.
      if (!isOwn && seen.has(counted.threadId!)) return [];
      seen.add(counted.threadId!);
      return [{ worker: process.pid, thread: isOwn ? name : nameOf(counted), counts: counted.counts }];
    }),
  );
}

/** A thread that the app has started, by its number in the runtime. */
export function nameOf({ role, thread }: ThreadName): string {
  return `${role ?? "other"} thread ${thread ?? ""}`.trimEnd();
}

/** What one thread answers about itself, and about others that only it knows. */
export async function lookAtUnits(thread: AppThread): Promise<{
  readonly own: ThreadUnits | undefined;
  readonly others: readonly (UnitAnswer & { units?: ThreadUnits })[];
}> {
  const answers = thread.blockedMs() > 0 ? undefined : await thread.units.ask("look");
  const counted = thread.units.counts();
  const ownCounts = counted.find(({ threadId }) => threadId === thread.threadId);
  if (answers === undefined) return { own: ownCounts && unlooked(ownCounts), others: [] };
  const others = answers.filter(({ threadId }) => threadId !== thread.threadId);
  return { own: unitsOf(answers.find(({ threadId }) => threadId === thread.threadId)), others: others.map(known) };

  function known(answer: UnitAnswer): UnitAnswer & { units?: ThreadUnits } {
    const counts = counted.find(({ role, thread }) => role === answer.role && thread === answer.thread);
    const units = unitsOf(answer) ?? (counts && unlooked(counts));
    return units === undefined ? answer : { ...answer, units };
  }
}

function unitsOf(answer: UnitAnswer | undefined): ThreadUnits | undefined {
  if (answer?.counts === undefined) return undefined;
  return { counts: answer.counts, groups: answer.groups, more: answer.more ?? 0 };
}

function unlooked({ counts }: CountedThread): ThreadUnits {
  return { counts, groups: undefined, more: counts.tasks + counts.actors };
}

/** The trees of supervisors, by the thread that each begins on. */
export async function viewTrees(threads: readonly AppThread[]): Promise<TreeView[]> {
  const used = threads.filter(({ units }) => units.isUsed);
  const asked = await Promise.all(
    used.map(async (thread) => ({
      thread,
      answers: thread.blockedMs() > 0 ? undefined : await thread.units.ask("tree"),
    })),
  );
  const views = [...programs(asked)].flatMap(viewsOf);
  const silent = asked.filter(({ answers }) => answers === undefined);
  return [
    ...views,
    ...silent.map(({ thread: { name, blockedMs } }) => ({ ...view(name, blockedMs()), trees: undefined })),
  ];
}

function view(thread: string, blockedMs: number = 0): { worker: number; thread: string; blockedMs: number } {
  return { worker: process.pid, thread, blockedMs: Math.round(blockedMs) };
}

/** A thread that is the root of a runtime is a program of its own, with those that it has started. All others are one. */
function programs(asked: readonly Asked[]): readonly Asked[][] {
  const isAlone = ({ thread, answers }: Asked): boolean => {
    const own = answers!.find(({ threadId }) => threadId === thread.threadId);
    return own?.role === undefined || own.role === "root";
  };
  const answered = asked.filter(({ answers }) => answers !== undefined);
  const [alone, together] = [answered.filter(isAlone), answered.filter((each) => !isAlone(each))];
  return [...alone.map((each) => [each]), ...(together.length === 0 ? [] : [together])];
}

function viewsOf(program: readonly Asked[]): TreeView[] {
  const looks = new Map<number, Look>();
  const names = new Map<number, string>();
  for (const { thread, answers } of program) {
    for (const answer of answers!) {
      const look = answer.tree as Look | undefined;
      if (look === undefined) continue;
      looks.set(look.thread.thread, look);
      if (answer.threadId === thread.threadId) names.set(look.thread.thread, thread.name);
      else if (!names.has(look.thread.thread)) names.set(look.thread.thread, `${nameOf(answer)} of ${thread.name}`);
    }
  }
  const byThread = Map.groupBy(treesOf([...looks.values()]), ({ pid }) => threadIn(pid));
  return [...names].flatMap(([thread, name]) => {
    const trees = byThread.get(thread);
    return trees === undefined ? [] : [{ ...view(name), trees }];
  });
}

/** `<3.17>`: 3. */
function threadIn(pid: string): number {
  return Number(/^<(\d+)\./.exec(pid)?.[1]);
}

/** One thread after the other: each stands still while it looks, and the others serve. */
export async function findUnitLeaks(threads: readonly AppThread[]): Promise<LeakView[]> {
  const views: LeakView[] = [];
  const sites = new Map<string, string>();
  for (const thread of threads.filter(({ units }) => units.isUsed)) {
    const { name, blockedMs, units } = thread;
    const answers = blockedMs() > 0 ? undefined : await units.ask("leaks");
    if (answers === undefined) views.push({ ...view(name, blockedMs()), leaks: undefined });
    for (const answer of answers ?? []) {
      const isOwn = answer.threadId === thread.threadId;
      for (const [id, site] of answer.sites ?? []) sites.set(id, site);
      views.push({
        ...view(isOwn ? name : `${nameOf(answer)} of ${name}`, answer.silent?.forMs),
        leaks: answer.silent === undefined ? (answer.leaks ?? []) : undefined,
      });
    }
  }
  return views.map(({ leaks, ...view }) => ({
    ...view,
    leaks: leaks?.map((leak) => ({ ...leak, startedAt: leak.startedAt ?? sites.get(leak.id) })),
  }));
}
