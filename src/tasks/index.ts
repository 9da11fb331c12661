export { awaitSync, type AwaitSync, type AwaitSyncOptions } from "./await-sync.ts";
export { task, type Task, type TaskRef } from "./task.ts";
export { taskSignal } from "./task-context.ts";
export { transfer } from "./transfer.ts";
