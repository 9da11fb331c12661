/**
 * Names: unique among all threads of the program, in a server of all workers of a generation. Every thread has a copy of the whole
 * registry, so a look-up only reads a map. Only the root gives names out, so no two actors get the same one.
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

import { mustBePid, mustBeText, notAnAddress, show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { isHere, root, rootOf, seat } from "../across/own-worker.ts";
import { rareFieldsOf, type RareFields } from "../process/rare-fields.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import { Pid, type PidData } from "../process/pid.ts";
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
import { type Audience, audienceOf, claim, lastHere } from "./claims.ts";
import { Via } from "./via.ts";

const MAX_NAME_LENGTH = 255;
const ID_PREFIX = "name ";
const TAKEN = " is taken";
const NAME_TAKEN = `the name${TAKEN}`;

interface Registration {
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

/**
 * Gives a living actor a name. All threads can send to that name. As in Erlang, an actor has at most one name, and `undefined`
 * is not a name. The name is free again when the actor exits.
 *
 * @throws NAME_REFUSED if the name is taken or reserved, or the actor has exited or has a name already.
 */
export async function register(name: string, pid: Pid): Promise<void> {
  await registerAs(name, pid, true);
}

/** `mayFollow`: the same name may be that of an actor whose worker or thread is being replaced by this one. */
export async function registerAs(name: string, pid: Pid, mayFollow: boolean): Promise<void> {
  checkName(name);
  mustBePid(pid, "the actor of register()");
  // The root of its own worker: the name is given back when that worker ends.
  const asked = ask(rootOf(pid.thread), "name", name, exportPid(pid), mayFollow).catch(isGone);
  const problem = (await asked) as string | undefined;
  if (problem !== undefined) throw refused(name, pid, problem);
}

/**
 * Removes a name from its holder.
 *
 * @throws NAME_UNKNOWN
 */
export async function unregister(name: string): Promise<void> {
  mustBeText(name, "the name of unregister()");
  const found = byName.get(name)?.[0];
  if (found === undefined) throw unknownName(name);
  const { pid, number } = found;
  if ((await ask(pid.thread, "unname", exportPid(pid)[1], number)) !== true) throw unknownName(name);
  // The news from the actor's thread may come after its answer. Here it counts from now on.
  free(name, number);
}

/** The actor of this name, looked up in this thread's copy of the registry. */
export function whereis(name: string): Pid | undefined {
  mustBeText(name, "the name of whereis()");
  return byName.get(name)?.[0]?.pid;
}

/** All names that are given out, as this thread knows them. */
export function registered(): string[] {
  return [...byName.keys()];
}

/**
 * For functions that take a pid or a name, or an address in a registry. `what`: the argument, for the error.
 *
 * @throws ACTOR_INVALID if it is none of these
 */
export function resolveName(to: Pid | string, what: string): Pid | undefined {
  if (typeof to === "string") return byName.get(to)?.[0]?.pid;
  if (to instanceof Pid) return to;
  if ((to as unknown) instanceof Via) return (to as unknown as Via).resolve();
  throw notAnAddress(to, what);
}

export function checkName(name: unknown): void {
  const problem =
    typeof name !== "string" || name === ""
      ? "is no name: a name is a string that is not empty"
      : name === "undefined"
        ? "is reserved"
        : name.length > MAX_NAME_LENGTH
          ? `is longer than ${MAX_NAME_LENGTH} characters`
          : undefined;
  if (problem !== undefined) throw new HeddleError("NAME_REFUSED", `${show(name)} ${problem}.`);
}

/** Why there is no actor, if its thread is gone. */
function isGone(error: unknown): string {
  ifThreadGone(error);
  return "it has exited";
}

function refused(name: string, pid: Pid, problem: string): HeddleError {
  const message = `${pid.toString()} cannot be registered as "${name}": ${problem}.`;
  return new HeddleError("NAME_REFUSED", message, takenHint(problem));
}

/** In a server, each copy of the app runs the same code. */
export function takenHint(problem: string): { readonly hint?: string } {
  if (seat === undefined || !problem.endsWith(TAKEN)) return {};
  return {
    hint: "Each copy of the app runs this code. If it is to exist once for all copies, use singleton(name, …) of heddle/actors, or start it in one copy: if (isFirst), of heddle.",
  };
}

export function unknownName(name: string | Via): HeddleError {
  return new HeddleError("NAME_UNKNOWN", `no actor is registered as "${name.toString()}".`);
}

// On the root

onQuestion("name", async (_from: number, name: string, data: PidData, mayFollow: boolean) => {
  if (reserved.has(name)) return NAME_TAKEN;
  const registration = { number: 0, isFreed: false };
  reserved.set(name, registration);
  try {
    const holder = await lastHeld(name);
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
    if (audience === "all") broadcast(message);
    else if (audience === "worker") broadcastHere(message);
    else post(pid.thread, message);
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

/** The last registration of this worker, if it is not being freed in this moment. */
async function lastHeld(name: string): Promise<Registration | undefined> {
  for (;;) {
    const last = lastHere(byName.get(name) ?? []);
    if (last === undefined) return undefined;
    // If its thread has ended, its names are gone too.
    const { thread } = last.pid;
    if (thread !== thisThread) await Promise.allSettled([ask(thread, "ping")]);
    if (lastHere(byName.get(name) ?? []) === last) return last;
  }
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

onQuestion("ping", () => true);

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

function free(name: string, number: number): void {
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
