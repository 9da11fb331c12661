/** What a thread says about its actors when somebody watches it: `heddle threads`, `heddle status`, `heddle leaks`. */

import { placeOf, type Settled } from "../../runtime/watch/parked-place.ts";
import { siteOf } from "../../runtime/watch/start-sites.ts";
import { addWatcher, type Looked } from "../../runtime/watch/watchers.ts";
import { oldest, type UnitCounts } from "../../runtime/watch/unit-counts.ts";
import type { UnitView } from "../../runtime/watch/unit-groups.ts";
import { processes, type Process } from "../process/process.ts";
import { probeActors } from "./leaks-here.ts";
import { lookHere } from "./observe.ts";
import { restartsHere } from "./supervisor-reports.ts";

/** Actors with long mailboxes, which are shown also if there are very many actors. */
const LONGEST = 20;

function counts(): Partial<UnitCounts> {
  let [parkedActors, runnableActors, messages, longestMailbox] = [0, 0, 0, 0];
  let oldestMessageMs: number | undefined;
  for (const { status, mailbox } of processes) {
    if (status === "parked") parkedActors += 1;
    else if (status === "runnable" || status === "starting") runnableActors += 1;
    if (mailbox === undefined || mailbox.length === 0) continue;
    messages += mailbox.length;
    longestMailbox = Math.max(longestMailbox, mailbox.length);
    oldestMessageMs = oldest(oldestMessageMs, mailbox.oldestAgeMs());
  }
  const actors = processes.length;
  const restarts = restartsHere();
  return { actors, parkedActors, runnableActors, messages, longestMailbox, oldestMessageMs, restarts };
}

async function look(most: number): Promise<Looked> {
  const chosen = processes.length <= most ? processes : new Set([...longest(), ...processes.slice(0, most)]);
  const units = await Promise.all([...chosen].map(describe));
  return { units, more: Math.max(0, processes.length - units.length) };
}

/** In one pass: there may be a million. */
function longest(): Process[] {
  const found: Process[] = [];
  for (const process of processes) {
    const length = lengthOf(process);
    if (length === 0 || (found.length === LONGEST && length <= lengthOf(found.at(-1)!))) continue;
    found.push(process);
    found.sort((a, b) => lengthOf(b) - lengthOf(a));
    found.length = Math.min(found.length, LONGEST);
  }
  return found;
}

function lengthOf({ mailbox }: Process): number {
  return mailbox?.length ?? 0;
}

async function describe(process: Process): Promise<UnitView> {
  const { extra, label, mailbox, status } = process;
  const seen: UnitView = {
    kind: extra?.kind ?? "actor",
    name: extra?.name ?? label,
    state: status === "parked" ? "parked" : status === "running" ? "running" : "runnable",
    startedAt: siteOf(process),
    messages: lengthOf(process),
    oldestMessageMs: mailbox?.oldestAgeMs(),
    restarts: extra?.restarts ?? 0,
  };
  if (status !== "parked") return seen;
  return { ...seen, where: "receive", parkedAt: await placeOf(new Receiving(process)) };
}

/** What `receive` waits for, in the form that `placeOf` takes. */
class Receiving implements Settled {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  get settle(): Settled["settle"] {
    return this.#process.parked?.resume;
  }

  set settle(resume: Settled["settle"]) {
    // It may have exited meanwhile: then nothing resumes it.
    const { parked } = this.#process;
    if (parked !== undefined) parked.resume = resume;
  }
}

addWatcher("actors", { counts, look, probeLeaks: probeActors, tree: lookHere });
