/**
 * Names of actors: unique among all threads of the program, in a server of all workers of a generation. How they are given out, and how
 * all threads know them: name-copies.ts.
 */

import { mustBePid, mustBeText, notAnAddress, show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { rootOf, seat } from "../across/own-worker.ts";
import { Pid } from "../process/pid.ts";
import { exportPid } from "../process/process-table.ts";
import { ask } from "../messaging/remote.ts";
import { allNames, free, holderOf, isGone, TAKEN } from "./name-copies.ts";
import { Via } from "./via.ts";

const MAX_NAME_LENGTH = 255;

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
  const found = holderOf(name);
  if (found === undefined) throw unknownName(name);
  const { pid, number } = found;
  if ((await ask(pid.thread, "unname", exportPid(pid)[1], number)) !== true) throw unknownName(name);
  // The news from the actor's thread may come after its answer. Here it counts from now on.
  free(name, number);
}

/** The actor of this name, looked up in this thread's copy of the registry. */
export function whereis(name: string): Pid | undefined {
  mustBeText(name, "the name of whereis()");
  return holderOf(name)?.pid;
}

/** All names that are given out, as this thread knows them. */
export function registered(): string[] {
  return allNames();
}

/**
 * For functions that take a pid or a name, or an address in a registry. `what`: the argument, for the error.
 *
 * @throws ACTOR_INVALID if it is none of these
 */
export function resolveName(to: Pid | string, what: string): Pid | undefined {
  if (typeof to === "string") return holderOf(to)?.pid;
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
