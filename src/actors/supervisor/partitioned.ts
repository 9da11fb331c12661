/**
 * Partitioned supervisors: one child on every scheduler thread, so that one service uses all of them, like Elixir's
 * `PartitionSupervisor`. If a thread ends, its child is started again on the thread that replaces it, never on that of another
 * partition while there are enough.
 */

import { HeddleError } from "../../errors/errors.ts";
import { invalid, show } from "../arguments/arguments.ts";
import { Actor, type Spawns } from "../process/actor.ts";
import { callFailed } from "../messaging/calls.ts";
import type { Pid } from "../process/pid.ts";
import type { Self } from "../process/self.ts";
import { markServer, spawn, type SpawnOptions } from "../process/spawn.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { pathOf, treePlace, type PlaceOption, type TreePath } from "../inspect/tree-path.ts";
import { schedulerThreads } from "../actor-threads.ts";
import { threadFor } from "./partition-threads.ts";
import { whichChildren, type SupervisorPid } from "./requests.ts";
import { checkOptions, type ChildSpec, type SupervisorOptions } from "./spec.ts";
import { supervisor } from "./supervisor.ts";

export interface PartitionedSupervisorOptions
  extends Omit<SupervisorOptions, "strategy" | "children" | "autoShutdown"> {
  readonly child: Omit<ChildSpec, "id" | "start" | "significant"> & {
    /** Spawned on each thread, with its arguments followed by the number of its partition. */
    readonly start: readonly [what: Actor<any, any>, args?: readonly unknown[]];
  };
}

/**
 * A supervisor of one child for each scheduler thread. Their ids are 0, 1, 2 … `partition(supervisor, key)` finds the one for a
 * key.
 *
 * @throws SUPERVISOR_INVALID
 */
export function partitionedSupervisor(options: PartitionedSupervisorOptions): Spawns<[], SupervisorPid> {
  checkOptions(options);
  const { child, ...rest } = options;
  checkOptions({ ...rest, children: [{ ...child, id: 0 }] });
  if (!Array.isArray(child.start) || !((child.start as readonly unknown[])[0] instanceof Actor)) {
    const rule = "the start of a partition is [what actor() made, args], because it is spawned on other threads";
    throw new HeddleError("SUPERVISOR_INVALID", `${rule}; got ${show(child.start)}.`);
  }
  const body = async (self: Self): Promise<void> => {
    const threads = await schedulerThreads();
    const taken = new Map(threads.map((thread, index) => [index, thread]));
    const below = pathOf(self as unknown as ActorProcess);
    const children = threads.map(
      (_, index): ChildSpec => ({ ...child, id: index, start: startOn(child.start, index, taken, below) }),
    );
    await supervisor({ ...rest, children })(self as never);
  };
  markServer(body as never, "supervisor");
  return body as never;
}

type OnEach = PartitionedSupervisorOptions["child"]["start"];

function startOn(
  [what, args = []]: OnEach,
  index: number,
  taken: Map<number, number>,
  below: TreePath,
): (self: Pid) => Promise<Pid<never>> {
  return async (self) => {
    const on = threadFor(index, await schedulerThreads(), taken);
    taken.set(index, on);
    const options: SpawnOptions & PlaceOption = { on, link: self, [treePlace]: { below, id: index } };
    return (await spawn(what, [...args, index], options)) as Pid<never>;
  };
}

/**
 * The child of a partitioned supervisor that handles a key: always the same one, as long as their number does not change.
 * Numbers are taken modulo the number of partitions, other keys by their text.
 *
 * @throws ExitError ACTOR_CALL_FAILED if the partition is being restarted now (reason `noproc`)
 */
export async function partition(supervisor: SupervisorPid | string, key: string | number): Promise<Pid> {
  if (typeof key !== "string" && !Number.isFinite(key)) {
    throw invalid("the key of partition()", "a string or a number that is not infinite", key);
  }
  const children = await whichChildren(supervisor);
  const pid = children[hash(key) % children.length]?.pid;
  if (pid === undefined || pid === "restarting") throw callFailed(`partition for ${key}`, "noproc");
  return pid;
}

/** FNV-1a: spreads short texts well, and gives the same result on every thread. */
function hash(key: string | number): number {
  if (typeof key === "number") return Math.abs(Math.trunc(key));
  let value = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) value = Math.imul(value ^ key.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
