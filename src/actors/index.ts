import "./process/crash-report.ts";
import "./actor-service.ts";

export { actor, Actor, type Spawnable } from "./process/actor.ts";
export { setCrashReporter, type CrashReport } from "./process/crash-report.ts";
export { currentActor } from "./process/current-actor.ts";
export { ExitError, isCleanExit, type ExitReason } from "./process/exit-reason.ts";
export { DownMessage, ExitMessage } from "./process/exit-signals.ts";
export { groups, type Groups } from "./registry/groups.ts";
export type { MailboxLimits, Overflow } from "./messaging/mailbox.ts";
export {
  call,
  cast,
  exit,
  isDown,
  isExit,
  reply,
  send,
  setMailboxLimits,
  type SendOptions,
} from "./messaging/messaging.ts";
export { CallMessage, CastMessage, From } from "./messaging/calls.ts";
export { register, registered, unregister, whereis } from "./registry/registered-names.ts";
export { isPid, Pid, pidEquals } from "./process/pid.ts";
export { processInfo, type ProcessInfo } from "./process/process-info.ts";
export type { CallTypes, ReplyTo, Self, ServerPid, SystemMessage, Timeout } from "./process/self.ts";
export { setRunawayBudget } from "./process/runaways.ts";
export { spawn, type SpawnOptions } from "./process/spawn.ts";
export { schedulerThreads, thisThreadId } from "./actor-threads.ts";
export { setSchedulerThreads } from "../runtime/threads/scheduler-threads.ts";
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
export { cancelTimer, readTimer, sendAfter, sendInterval, type TimerRef } from "./time/timers.ts";
export { startWith, type FirstState, type NextStep } from "./time/next-step.ts";
export { setSupervisorReporter, type SupervisorReport } from "./inspect/supervisor-reports.ts";
export type { TreePath } from "./inspect/tree-path.ts";
export { genStatem, type StateCallbacks } from "./gen-statem.ts";
export type { FirstAnswer, StateAnswer, StateEvent, TimeoutMs } from "./statem/events.ts";
export { getState, replaceState, resume, suspend, trace, type TraceEvent } from "./inspect/sys.ts";
export {
  registry,
  Registry,
  via,
  type RegistryEntry,
  type RegistryKey,
  type RegistryOptions,
} from "./registry/keyed-registry.ts";
export { singleton } from "./registry/singleton.ts";
export { Via } from "./registry/via.ts";
export { findLeakedActors, type ActorLeak } from "./inspect/leaks.ts";
export { observe, type ObserveOptions } from "./inspect/observe.ts";
export type { Observation, ObservedActor, ObservedNode, ObservedThread } from "./inspect/observed-tree.ts";
export { createTable, openTable, Table, type TableKey, type TableOptions, type WriteOptions } from "./table/table.ts";
export { TableMessage } from "./table/home.ts";
export { supervisor } from "./supervisor/supervisor.ts";
export { supervisorTree, type TreeNode } from "./supervisor/tree.ts";
