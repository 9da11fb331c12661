/** A supervisor's decisions when a child exits: pure functions of the specification and the reason. */

import { isCleanExit, type ExitReason } from "../process/exit-reason.ts";
import type { AutoShutdown, FullSpec, Restart } from "./spec.ts";

export function restarts(restart: Restart, reason: ExitReason): boolean {
  if (restart === "permanent") return true;
  return restart === "transient" && !isCleanExit(reason);
}

/** Whether this exit counts for `autoShutdown`: any exit of a temporary child, a clean exit of a transient one. */
export function isSignificantExit(spec: Pick<FullSpec, "significant" | "restart">, reason: ExitReason): boolean {
  return spec.significant && (spec.restart === "temporary" || isCleanExit(reason));
}

/** Whether the supervisor must end after a significant exit, with this many significant children left alive. */
export function shutsDown(autoShutdown: AutoShutdown, significantLeft: number): boolean {
  if (autoShutdown === "never") return false;
  return autoShutdown === "any_significant" || significantLeft === 0;
}
