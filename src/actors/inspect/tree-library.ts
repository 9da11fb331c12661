/** What the trees of a server's app are followed with (server/worker/serving/actor-trees.ts), as one module that is loaded when there is one. */

export * from "../index.ts";
export { processes } from "../process/process.ts";
export { defaultReporters } from "./reporting.ts";
export * from "../supervisor/loop.ts";
export * from "../supervisor/hosted.ts";
export { reportText } from "./supervisor-reports.ts";
export * from "./tree-path.ts";
export * from "../process/exit-reason.ts";
export * from "../process/rare-fields.ts";
