/** Reports of actors that ended because their function threw. Links and monitors inform other actors. This informs people, once
 * per actor. Exits on purpose (`self.exit`, exit signals, an ExitError that passes through) are not crashes.
 */

import { inspect } from "node:util";
import { mustBeFunction } from "../arguments/arguments.ts";
import { defaultReporters } from "../inspect/reporting.ts";
import { pathBelow, pathText, type TreePath } from "../inspect/tree-path.ts";
import type { Pid } from "./pid.ts";
import { crashes } from "./process.ts";

export interface CrashReport {
  readonly pid: Pid;
  /** The actor's name, or that of its function. */
  readonly label: string | undefined;
  /** Its place in the tree of supervisors. Undefined if no supervisor has started it. */
  readonly path: TreePath | undefined;
  readonly error: unknown;
}

/** Written to stderr, as Node does with uncaught exceptions. */
function writeReport({ pid, label, path, error }: CrashReport): void {
  const who = path === undefined ? label : pathText(path);
  console.error(`heddle: actor ${pid.toString()}${who === undefined ? "" : ` (${who})`} crashed: ${described(error)}`);
}

/** Whatever was thrown: its getters may throw too. */
function described(thrown: unknown): string {
  try {
    return inspect(thrown);
  } catch {
    return "with something that cannot be shown";
  }
}

let reporter: ((report: CrashReport) => void) | undefined;

/**
 * Sets the reporter for crashing actors of this thread. undefined: stderr, or the
 * log of the server that runs the app. If it throws, both the crash and what it threw are
 * written to stderr. The actor exits in any case.
 */
export function setCrashReporter(report: ((report: CrashReport) => void) | undefined): void {
  if (report !== undefined) mustBeFunction(report, "what setCrashReporter() is given");
  reporter = report;
}

crashes.report = (process, error) => {
  const { extra } = process;
  const report = { pid: process, label: extra?.name ?? process.label, path: pathBelow(process, extra), error };
  try {
    (reporter ?? defaultReporters.crash ?? writeReport)(report);
  } catch (thrown) {
    writeReport(report);
    console.error(`heddle: the crash reporter threw: ${described(thrown)}`);
  }
};
