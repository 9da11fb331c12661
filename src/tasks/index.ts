export { task, type Task, type TaskRef } from "./task.ts";
