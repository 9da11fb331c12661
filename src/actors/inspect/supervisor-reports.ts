/**
 * What supervisors report: children that failed, that were restarted, that did not start or stop, and a supervisor that gives
 * up. OTP's supervisor reports. What a supervisor is asked to do, and children that end as they should, are not reported.
 *
 * A report goes to the reporter of the supervisor's thread. A reporter that throws must not harm the supervisor: its report is
 * written to stderr then.
 */

import { inspect } from "node:util";
import { mustBeFunction } from "../arguments/arguments.ts";
import type { ActorProcess } from "../process/actor-process.ts";
import { isCleanExit, isShutdown, type ExitReason } from "../process/exit-reason.ts";
import type { Pid } from "../process/pid.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import type { FullSpec } from "../supervisor/spec.ts";
import { defaultReporters } from "./reporting.ts";
import { pathOf, pathText, type TreePath } from "./tree-path.ts";

export interface SupervisorReport {
  /**
   * - `child_ended`: a child ended that should not have. `restarts` says whether it is restarted.
   * - `child_restarted`: it runs again, as `child`.
   * - `start_failed`: it has not started. At a restart it is tried again.
   * - `stop_failed`: it was told to stop, and ended for another reason; `killed`: it took too long.
   * - `gave_up`: there were too many restarts. The supervisor ends its children and itself, with `shutdown`.
   */
  readonly type: "child_ended" | "child_restarted" | "start_failed" | "stop_failed" | "gave_up";
  readonly supervisor: Pid;
  /**
   * The child's place in the tree; the last part is its id, or the pid of a dynamic supervisor's child (`*` if it has not
   * started).
   */
  readonly path: TreePath;
  /** Undefined if it has not started. */
  readonly child: Pid | undefined;
  /** Why the child ended, or did not start. For `gave_up`: of its last child. `normal` for `child_restarted`. */
  readonly reason: ExitReason;
  readonly restarts: boolean;
  /** Of the supervisor. */
  readonly intensity: number;
  readonly periodMs: number;
}

/** One line. The stack of an error is in the crash report of the child. */
export function reportText(report: SupervisorReport): string {
  const { type, supervisor, path, child, reason, restarts, intensity, periodMs } = report;
  const where = pathText(path);
  // A dynamic supervisor's child has its pid in the path.
  const who = child === undefined || where.endsWith(child.toString()) ? where : `${where} ${child.toString()}`;
  const why = shortReason(reason);
  switch (type) {
    case "child_ended":
      return `child ${who} ended: ${why}; it is ${restarts ? "restarted" : "not restarted"}`;
    case "child_restarted":
      return `child ${where} was restarted${who === where ? "" : ` as ${String(child)}`}`;
    case "start_failed":
      return `child ${who} has not started: ${why}${restarts ? "; it is tried again" : ""}`;
    case "stop_failed":
      return `child ${who} was told to stop, and ended otherwise: ${why}`;
    default: {
      const above = pathText(path.slice(0, -1));
      const pid = supervisor.toString();
      return `supervisor ${above === pid ? pid : `${above} ${pid}`} gives up: more than ${intensity} restart${intensity === 1 ? "" : "s"} in ${periodMs} ms. It ends its children and itself. The last to fail: ${who}: ${why}`;
    }
  }
}

function shortReason(reason: ExitReason): string {
  if (reason instanceof Error) return `${reason.name}: ${reason.message}`;
  return typeof reason === "string" ? reason : inspect(reason, { breakLength: Infinity, depth: 3 });
}

function writeReport(report: SupervisorReport): void {
  console.error(`heddle: ${reportText(report)}`);
}

let reporter: ((report: SupervisorReport) => void) | undefined;

/**
 * Sets what is done with the reports of this thread's supervisors, for example `(report) => log.warn(report, "supervisor")`.
 * `undefined`: each is a line on stderr, or in the log of the server that runs the app, as without this call.
 */
export function setSupervisorReporter(report: ((report: SupervisorReport) => void) | undefined): void {
  if (report !== undefined) mustBeFunction(report, "what setSupervisorReporter() is given");
  reporter = report;
}

let restarted = 0;

/** Children that this thread's supervisors have restarted, also those that have ended since. */
export function restartsHere(): number {
  return restarted;
}

interface Limits {
  readonly intensity: number;
  readonly periodMs: number;
}

/** The reports of one supervisor. `id`: undefined for a dynamic supervisor's child. */
export class SupervisorReports {
  readonly #self: ActorProcess;
  readonly #limits: Limits;
  #last: Pick<SupervisorReport, "path" | "child" | "reason"> | undefined;

  constructor(self: ActorProcess, limits: Limits) {
    this.#self = self;
    this.#limits = limits;
  }

  /** A child has ended by itself. */
  ended({ restart, id }: Child, pid: Pid, reason: ExitReason, restarts: boolean): void {
    if (restart === "permanent" || !isCleanExit(reason)) this.#tell("child_ended", id, pid, reason, restarts);
  }

  restarted(id: ChildId, pid: Pid): void {
    rareFieldsOf(this.#self).restarts += 1;
    restarted += 1;
    this.#tell("child_restarted", id, pid, "normal", true);
  }

  startFailed(id: ChildId, reason: ExitReason, isRestart: boolean): void {
    this.#tell("start_failed", id, undefined, reason, isRestart);
  }

  /** A child has ended that was told to. */
  stopped({ restart, shutdown, id }: Child & Pick<FullSpec, "shutdown">, pid: Pid, reason: ExitReason): void {
    const isFine =
      isShutdown(reason) ||
      (reason === "normal" && restart !== "permanent") ||
      (reason === "killed" && shutdown === "brutal_kill");
    if (!isFine) this.#tell("stop_failed", id, pid, reason, false);
  }

  gaveUp(): void {
    const { path, child, reason } = this.#last ?? { path: pathOf(this.#self), child: undefined, reason: "normal" };
    this.#send({ type: "gave_up", path, child, reason, restarts: false });
  }

  #tell(
    type: SupervisorReport["type"],
    id: ChildId,
    child: Pid | undefined,
    reason: ExitReason,
    restarts: boolean,
  ): void {
    const path = [...pathOf(this.#self), id ?? child?.toString() ?? "*"];
    this.#last = { path, child, reason };
    this.#send({ type, path, child, reason, restarts });
  }

  #send(report: Omit<SupervisorReport, "supervisor" | keyof Limits>): void {
    const full: SupervisorReport = { ...report, supervisor: this.#self, ...this.#limits };
    try {
      (reporter ?? defaultReporters.supervisor ?? writeReport)(full);
    } catch (error) {
      writeReport(full);
      console.error("heddle: the reporter of supervisors has thrown:", error);
    }
  }
}

type ChildId = string | number | undefined;

interface Child extends Pick<FullSpec, "restart"> {
  readonly id: ChildId;
}
