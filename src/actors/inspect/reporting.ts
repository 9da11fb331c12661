/**
 * Where reports go that the program has set no reporter for: lines on stderr, or, in a server, the server's log. Set by the server
 * for each of its threads that run the app. A reporter that the app sets goes before it.
 */

import type { CrashReport } from "../process/crash-report.ts";
import type { SupervisorReport } from "./supervisor-reports.ts";

export interface DefaultReporters {
  crash: ((report: CrashReport) => void) | undefined;
  supervisor: ((report: SupervisorReport) => void) | undefined;
}

export const defaultReporters: DefaultReporters = { crash: undefined, supervisor: undefined };
