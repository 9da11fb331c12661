/**
 * The actors of this thread, for a collection that finds the leaked ones (runtime/watch/leak-collection.ts). An actor that waits in
 * `receive` is an async function that only its pid refers to, and this library's list, which holds it weakly meanwhile.
 *
 * Only an actor that nobody could find is looked at: it has no name, no group, link or monitor, no open call, is in no tree of
 * supervisors, and its pid was not sent to another thread. All others stay in the list, and so does what they can reach. Of the actor
 * of a request, which its connection keeps, only what its function returns is looked at: it is gone when nothing can resume that.
 *
 * Each step is a function that has returned, so that no actor is on the stack.
 */

import { LOAD, runtime } from "../../runtime/runtime.ts";
import { releaseFunctions, restoreSite, siteOf, type Stack, takeSite } from "../../runtime/watch/start-sites.ts";
import type { LeakProbe, UnitLeak } from "../../runtime/watch/watchers.ts";
import { processes, restoreProcesses, takeProcesses, type Process } from "../process/process.ts";
import { localProcess } from "../process/process-table.ts";

interface Suspect {
  readonly weak: WeakRef<Process>;
  readonly leak: UnitLeak;
}

interface Kept {
  readonly process: Process;
  readonly ending: WeakRef<Promise<unknown>>;
}

export function probeActors(): Promise<LeakProbe> {
  const kept: Kept[] = [];
  for (const process of processes) {
    const { ending } = process;
    if (process.isKept && process.isElsewhere && ending !== undefined)
      kept.push({ process, ending: new WeakRef(ending) });
  }
  const suspects = new Map<number, Suspect>();
  for (const process of processes) {
    if (isLost(process)) suspects.set(process.id, { weak: new WeakRef(process), leak: describe(process) });
  }
  return Promise.resolve({ hide: () => hide(suspects, kept) });
}

function hideEndings(kept: readonly Kept[]): () => UnitLeak[] {
  const hidden = kept.filter(({ process: { isElsewhere, ending } }) => isElsewhere && ending !== undefined);
  for (const { process } of hidden) process.ending = undefined;
  return () => {
    for (const { process, ending } of hidden) process.ending = ending.deref();
    return hidden.filter(({ process }) => process.ending === undefined).map(({ process }) => describe(process));
  };
}

function hide(suspects: ReadonlyMap<number, Suspect>, kept: readonly Kept[]): () => UnitLeak[] {
  const restoreEndings = hideEndings(kept);
  releaseFunctions();
  const taken = new Map<Suspect, Stack | undefined>();
  takeProcesses((process) => {
    const suspect = suspects.get(process.id);
    // It may have been woken, or found, since the probe.
    if (suspect === undefined || !isLost(process)) return false;
    taken.set(suspect, takeSite(process));
    return true;
  });
  return () => {
    const leaks: UnitLeak[] = [];
    for (const [{ weak, leak }, site] of taken) {
      const process = weak.deref();
      if (process === undefined) leaks.push(leak);
      else {
        restoreProcesses([process]);
        if (site !== undefined) restoreSite(process, site);
      }
    }
    const { board, self } = runtime();
    if (leaks.length > 0) board.add(self, LOAD.running, -leaks.length);
    return [...leaks, ...restoreEndings()];
  };
}

/** Nobody could find it but by its pid. */
function isLost({ status, extra, id, parent }: Process): boolean {
  if (status !== "parked" && status !== "running") return false;
  if (parent !== undefined || localProcess(id) !== undefined) return false;
  if (extra === undefined) return true;
  const { name, place, links, monitors, watchers, groups, callers, calls } = extra;
  if (name !== undefined || place !== undefined) return false;
  return [links, monitors, watchers, groups, callers, calls].every((some) => some === undefined || some.size === 0);
}

function describe(process: Process): UnitLeak {
  const { extra, label, status } = process;
  return {
    kind: extra?.kind ?? "actor",
    id: process.toString(),
    name: label,
    where: status === "parked" ? "receive" : undefined,
    since: undefined,
    startedAt: siteOf(process),
  };
}
