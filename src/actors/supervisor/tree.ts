/** A tree of supervisors, for display: plain data, all the way down. */

import { mustBePid } from "../arguments/arguments.ts";
import { ExitError } from "../process/exit-reason.ts";
import { processInfo } from "../process/process-info.ts";
import type { Pid } from "../process/pid.ts";
import { describe, type ChildInfo, type SupervisorPid } from "./requests.ts";

export interface TreeNode {
  readonly id: string | number | undefined;
  /** As text: `<thread.number>`; `restarting`, or absent if it does not run. */
  readonly pid: string | undefined;
  readonly name?: string;
  readonly label?: string;
  readonly type: "worker" | "supervisor";
  readonly status?: string;
  readonly mailboxLength?: number;
  readonly strategy?: string;
  readonly children?: readonly TreeNode[];
}

/** The supervisor and everything below it, over all threads, as JSON can hold it. Actors that exit meanwhile are left out. */
export async function supervisorTree(supervisor: SupervisorPid): Promise<TreeNode> {
  mustBePid(supervisor, "the argument of supervisorTree()");
  return await nodeOf({ id: undefined, pid: supervisor as Pid, type: "supervisor" });
}

async function nodeOf({ id, pid, type }: ChildInfo): Promise<TreeNode> {
  if (pid === undefined || pid === "restarting") return { id, pid, type };
  const info = await processInfo(pid);
  if (info === undefined) return { id, pid: undefined, type };
  return {
    id,
    pid: pid.toString(),
    ...(info.name === undefined ? {} : { name: info.name }),
    ...(info.label === undefined ? {} : { label: info.label }),
    type,
    status: info.status,
    mailboxLength: info.mailboxLength,
    ...(info.kind === "supervisor" ? await below(pid as SupervisorPid) : {}),
  };
}

async function below(supervisor: SupervisorPid): Promise<Pick<TreeNode, "strategy" | "children">> {
  try {
    const { strategy, children } = await describe(supervisor);
    return { strategy, children: await Promise.all(children.map(nodeOf)) };
  } catch (error) {
    // It has exited since its info was read, so it has no children any more.
    if (error instanceof ExitError) return {};
    throw error;
  }
}
