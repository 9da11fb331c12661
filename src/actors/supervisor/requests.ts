/** The requests to supervisors, and the functions that send them. */

import { invalid } from "../arguments/arguments.ts";
import { ExitError, reasonText, type ExitReason } from "../process/exit-reason.ts";
import { callFailed, callingSelf, startControl } from "../messaging/calls.ts";
import { resolveName } from "../registry/registered-names.ts";
import { Pid } from "../process/pid.ts";
import type { ServerPid } from "../process/self.ts";
import { isInStartOf } from "./own-starts.ts";
import type { ChildSpec, Strategy } from "./spec.ts";

export type Request =
  | { readonly op: "startChild"; readonly spec: ChildSpec | readonly unknown[] }
  | { readonly op: "terminateChild"; readonly child: ChildId }
  | { readonly op: "restartChild"; readonly child: ChildId }
  | { readonly op: "deleteChild"; readonly child: ChildId }
  | { readonly op: "whichChildren" }
  | { readonly op: "countChildren" }
  | { readonly op: "describe" };

/** A child is named by its id. A child of a dynamic supervisor is named by its pid. */
export type ChildId = string | number | Pid<never>;

export type Answer = { readonly value: unknown } | { readonly refused: ExitReason };

/** The pid of a supervisor. Use `whichChildren` and similar functions with it, not calls and casts. */
export type SupervisorPid = ServerPid<never, never>;

export interface ChildInfo {
  readonly id: string | number | undefined;
  /** Undefined: it has not been started, or has exited for good. */
  readonly pid: Pid | "restarting" | undefined;
  readonly type: "worker" | "supervisor";
}

export interface ChildCounts {
  /** Specifications. */
  readonly specs: number;
  /** Children that run. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

export interface Description {
  readonly strategy: Strategy | "simple_one_for_one";
  readonly children: readonly ChildInfo[];
}

export function refused(reason: ExitReason): Answer {
  return { refused: reason };
}

function mustBeChild(child: ChildId, op: string): void {
  if (typeof child === "string" || typeof child === "number" || child instanceof Pid) return;
  throw invalid(`the child of ${op}()`, "its id, or its pid under a dynamic supervisor", child);
}

async function ask(supervisor: SupervisorPid | string, request: Request): Promise<unknown> {
  const pid = resolveName(supervisor as Pid | string, `the supervisor of ${request.op}()`);
  if (pid === undefined) throw callFailed(supervisor as string, "noproc");
  if (isInStartOf(pid)) throw callingSelf(pid);
  // For ever, as in OTP: a child may take long to start or stop.
  const answer = (await startControl(pid, request, Infinity)) as Answer;
  if ("value" in answer) return answer.value;
  const { refused: reason } = answer;
  throw new ExitError(reason, "SUPERVISOR_REFUSED", `${request.op} was refused: ${reasonText(reason)}`);
}

/**
 * Adds a child and starts it. For a dynamic supervisor: starts another child with these further arguments.
 *
 * @returns its pid; undefined if its start returned `ignore`.
 * @throws SUPERVISOR_REFUSED. `reason`: `already_present`, `{ already_started: pid }`, or why it has not started.
 */
export async function startChild(
  supervisor: SupervisorPid | string,
  spec: ChildSpec | readonly unknown[],
): Promise<Pid | undefined> {
  if (typeof spec !== "object" || spec === null) {
    throw invalid(
      "the child of startChild()",
      "a specification, or an array of arguments for a dynamic supervisor",
      spec,
    );
  }
  return (await ask(supervisor, { op: "startChild", spec })) as Pid | undefined;
}

/**
 * Stops a child. Its specification stays, unless it is temporary.
 *
 * @throws SUPERVISOR_REFUSED. `reason`: `not_found`.
 */
export async function terminateChild(supervisor: SupervisorPid | string, child: ChildId): Promise<void> {
  mustBeChild(child, "terminateChild");
  await ask(supervisor, { op: "terminateChild", child });
}

/**
 * Starts a child again that was stopped or has exited.
 *
 * @throws SUPERVISOR_REFUSED. `reason`: `running`, `restarting`, `not_found`, `simple_one_for_one` (a dynamic supervisor's
 * children have no specification of their own), or why it has not started.
 */
export async function restartChild(supervisor: SupervisorPid | string, child: ChildId): Promise<Pid | undefined> {
  mustBeChild(child, "restartChild");
  return (await ask(supervisor, { op: "restartChild", child })) as Pid | undefined;
}

/**
 * Removes the specification of a child that does not run.
 *
 * @throws SUPERVISOR_REFUSED. `reason`: `running`, `restarting`, `not_found`, `simple_one_for_one`.
 */
export async function deleteChild(supervisor: SupervisorPid | string, child: ChildId): Promise<void> {
  mustBeChild(child, "deleteChild");
  await ask(supervisor, { op: "deleteChild", child });
}

/** The children, in the order of their starts. */
export async function whichChildren(supervisor: SupervisorPid | string): Promise<ChildInfo[]> {
  return (await ask(supervisor, { op: "whichChildren" })) as ChildInfo[];
}

export async function countChildren(supervisor: SupervisorPid | string): Promise<ChildCounts> {
  return (await ask(supervisor, { op: "countChildren" })) as ChildCounts;
}

export async function describe(supervisor: SupervisorPid | string): Promise<Description> {
  return (await ask(supervisor, { op: "describe" })) as Description;
}

export function countsOf(specs: number, children: readonly ChildInfo[]): ChildCounts {
  const supervisors = children.filter(({ type }) => type === "supervisor").length;
  const active = children.filter(({ pid }) => pid !== undefined && pid !== "restarting").length;
  return { specs, active, supervisors, workers: children.length - supervisors };
}
