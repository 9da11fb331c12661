import "./crash-report.ts";
import "./service.ts";

export { actor, Actor, type Spawnable } from "./actor.ts";
export { setCrashReporter, type CrashReport } from "./crash-report.ts";
export { ExitError, isCleanExit, type ExitReason } from "./exit-reason.ts";
export { DownMessage, ExitMessage } from "./exit-signals.ts";
export { groups, type Groups } from "./groups.ts";
export type { MailboxLimits, Overflow } from "./mailbox.ts";
export { call, cast, exit, isDown, isExit, reply, send, setMailboxLimits, type SendOptions } from "./messaging.ts";
export { CallMessage, CastMessage, From } from "./calls.ts";
export { register, registered, unregister, whereis } from "./names.ts";
export { isPid, Pid, pidEquals } from "./pid.ts";
export { processInfo, type ProcessInfo } from "./process-info.ts";
export type { CallTypes, ReplyTo, Self, ServerPid, SystemMessage, Timeout } from "./self.ts";
export { setRunawayBudget } from "./runaways.ts";
export { spawn, type SpawnOptions } from "./spawn.ts";
export { schedulerThreads, thisThreadId } from "./threads.ts";
export { setSchedulerThreads } from "../fabric/scheduler-threads.ts";
export {
  genServer,
  ignore,
  stop,
  type Answer,
  type CallAnswer,
  type ServerCallbacks,
  type Stop,
} from "./gen-server.ts";
export { dynamicSupervisor, type DynamicSupervisorOptions } from "./supervisor/dynamic.ts";
export { partition, partitionedSupervisor, type PartitionedSupervisorOptions } from "./supervisor/partitioned.ts";
export {
  countChildren,
  deleteChild,
  restartChild,
  startChild,
  terminateChild,
  whichChildren,
  type ChildCounts,
  type ChildId,
  type ChildInfo,
  type SupervisorPid,
} from "./supervisor/requests.ts";
export type {
  AutoShutdown,
  ChildSpec,
  Restart,
  Shutdown,
  Start,
  Strategy,
  SupervisorOptions,
} from "./supervisor/spec.ts";
export { supervisor } from "./supervisor/supervisor.ts";
export { supervisorTree, type TreeNode } from "./supervisor/tree.ts";
