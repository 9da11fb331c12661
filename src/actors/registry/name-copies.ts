/**
 * The names of actors (registered-names.ts): this thread's copy, and how they are given out. They are unique among all threads
 * of the program, in a server among those of all workers of a generation. Every thread has a copy of the whole registry, so a
 * look-up only reads a map. Only the root gives names out, so no two actors get the same one.
 *
 *   register ─▶ root: is it free? ─▶ the actor's thread: is it alive, and has no name? ─▶ root: tell all ─▶ registered
 *                 └─▶ in a server: the arbiter, has another worker the name?
 *   register, of a replacement ─▶ the same, but it waits behind the actor of the worker or thread that is replaced (claims.ts)
 *   exit ─▶ the actor's thread tells all that the name is free, then it sends exit signals and DOWN messages
 *
 * Invariants
 * - An actor that gets the DOWN message of a named actor finds the name free, or taken by another: both messages came from one
 *   thread, in order.
 * - Each registration has a number, and a name is freed by its number. So news that come late free no later registration, also
 *   not one of the same actor: those of the actor's thread and those of the root come over different links, in any order.
 * - An actor may exit, or lose its name, while the root gives it the name. Then nobody gets it.
 * - If a name seems taken, its holder's thread is asked before it is refused, because the news that it is free may be on its
 *   way.
 * - A copy may have several registrations of a name: that of an actor which is replaced, and that of its replacement. The largest
 *   number counts.
 * - The root repeats to all that a name is free. So a copy that heard of the end before the beginning is corrected.
 */

import { isHere, root } from "../across/own-worker.ts";
import { rareFieldsOf, type RareFields } from "../process/rare-fields.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Pid, PidData } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import {
  ask,
  broadcast,
  broadcastHere,
  ifThreadGone,
  onMessage,
  onPromoted,
  onQuestion,
  onThreadAdded,
  onThreadGone,
  post,
  releaseName,
  thisThread,
} from "../messaging/remote.ts";
import { type Audience, audienceOf, claim, lastHeld, tellAudience } from "./claims.ts";

/** The end of a refusal. */
export const TAKEN = " is taken";

const ID_PREFIX = "name ";
const NAME_TAKEN = `the name${TAKEN}`;

export interface Registration {
  readonly pid: Pid;
  readonly number: number;
}

/** The largest number first. */
const byName: Map<string, readonly Registration[]> = new Map();
/** On the root: names that are being given out, and whether that one was freed already. */
const reserved: Map<string, { number: number; isFreed: boolean }> = new Map();
/** On the root: the numbers of this worker's registrations. */
const claimed: Set<number> = new Set();
/** On the root: those that not all know, and who does. */
const told: Map<number, Audience | "nobody"> = new Map();

/** As this thread knows it. */
export function holderOf(name: string): Registration | undefined {
  return byName.get(name)?.[0];
}

export function allNames(): string[] {
  return [...byName.keys()];
}

/** Why there is no actor, if its thread is gone. */
export function isGone(error: unknown): string {
  ifThreadGone(error);
  return "it has exited";
}

// On the root

onQuestion("name", async (_from: number, name: string, data: PidData, mayFollow: boolean) => {
  if (reserved.has(name)) return NAME_TAKEN;
  const registration = { number: 0, isFreed: false };
  reserved.set(name, registration);
  try {
    const holder = await lastHeld(() => byName.get(name) ?? []);
    // Whether another worker has it, the arbiter knows best.
    registration.number = await claim(idOf(name), data[0], holder?.pid.thread, mayFollow);
    if (registration.number === 0) return NAME_TAKEN;
    claimed.add(registration.number);
    const problem = await give(name, importPid(data), registration);
    if (problem !== undefined) giveBack(name, registration.number);
    return problem;
  } finally {
    reserved.delete(name);
  }
});

async function give(name: string, pid: Pid, registration: { number: number; isFreed: boolean }): Promise<unknown> {
  const { number } = registration;
  const [, id] = exportPid(pid);
  const problem = await ask(pid.thread, "takeName", id, name, number).catch(isGone);
  if (problem !== undefined) return problem;
  if (registration.isFreed) return "it has exited, or given the name back";
  told.set(number, "nobody");
  know(name, { pid, number });
  tell(name);
  return undefined;
}

/** Of each registration, those that do not know it yet and should. */
function tell(name: string): void {
  if (told.size === 0) return;
  const known = byName.get(name) ?? [];
  for (const { pid, number } of known) {
    const before = told.get(number);
    if (before === undefined) continue;
    const audience = audienceOf(number, known);
    if (audience === before) continue;
    const message = ["named", name, exportPid(pid), number] as const;
    if (audience === "all") told.delete(number);
    else told.set(number, audience);
    tellAudience(audience, message, pid.thread);
  }
}

onPromoted((id) => {
  if (id.startsWith(ID_PREFIX)) tell(id.slice(ID_PREFIX.length));
});

/** As the arbiter knows it, which gives out keys of registries too. */
function idOf(name: string): string {
  return ID_PREFIX + name;
}

function giveBack(name: string, number: number): void {
  told.delete(number);
  if (claimed.delete(number)) releaseName(idOf(name), number);
}

onThreadAdded((thread) => {
  if (thisThread !== root) return;
  for (const [name, known] of byName) {
    for (const { pid, number } of known) {
      // Other workers hear of each name from its own worker.
      const mayKnow = isHere(thread) ? told.get(number) !== "thread" : isHere(pid.thread) && !told.has(number);
      if (mayKnow) post(thread, ["named", name, exportPid(pid), number]);
    }
  }
});

// On the actor's thread

onQuestion("takeName", (_from: number, id: number, name: string, number: number) => {
  const process = localProcess(id);
  if (process === undefined) return "it has exited";
  const extra = rareFieldsOf(process);
  if (extra.name !== undefined) return `it is registered as "${extra.name}" already`;
  extra.name = name;
  extra.nameNumber = number;
  return undefined;
});

onQuestion("unname", (_from: number, id: number, number: number) => {
  const process = localProcess(id);
  if (process?.extra?.name === undefined || process.extra.nameNumber !== number) return false;
  release(process, process.extra);
  return true;
});

function release(_process: Process, extra: RareFields): void {
  const { name, nameNumber } = extra;
  if (name === undefined) return;
  extra.name = undefined;
  free(name, nameNumber);
  broadcast(["unnamed", name, nameNumber]);
}

beforeExitSignals(release);

// Everywhere

function know(name: string, registration: Registration): void {
  const known = byName.get(name) ?? [];
  if (known.some(({ number }) => number === registration.number)) return;
  byName.set(
    name,
    [...known, registration].toSorted((a, b) => b.number - a.number),
  );
}

export function free(name: string, number: number): void {
  const left = byName.get(name)?.filter((each) => each.number !== number) ?? [];
  if (left.length > 0) byName.set(name, left);
  else byName.delete(name);
  const given = reserved.get(name);
  if (given?.number === number) given.isFreed = true;
  giveBack(name, number);
  tell(name);
}

onMessage("named", (_from: number, name: string, data: PidData, number: number) => {
  know(name, { pid: importPid(data), number });
});

onMessage("unnamed", (from: number, name: string, number: number) => {
  free(name, number);
  if (thisThread !== root) return;
  if (isHere(from)) broadcast(["unnamed", name, number], from);
  else broadcastHere(["unnamed", name, number]);
});

onThreadGone((thread) => {
  for (const [name, known] of byName) {
    for (const { pid, number } of known) if (pid.thread === thread) free(name, number);
  }
});
