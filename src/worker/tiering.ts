/**
 * When V8 compiles what it has only interpreted so far.
 *
 * It counts calls: 400 before its fast compiler, 3,000 before its best one. An event loop has those within a second. A
 * thread that blocks 20 ms in each request has fifty calls a second and runs slowly for its first minute, and every thread
 * of a pool anew. Where handlers have threads to themselves the thresholds are therefore lower: with 16 threads that block,
 * the CPU time of a request fell by a quarter. On event loops they stay, because code that is compiled early is compiled
 * twice: 16 MB more, and slower in the first seconds.
 *
 * Set on the running process, not on its command line: a V8 that does not know one of them says so and goes on.
 */

import { setFlagsFromString } from "node:v8";
import type { ModelName } from "../models/model.ts";

const EARLY = [
  "--invocation-count-for-maglev=60",
  "--minimum-invocations-after-ic-update=30",
  "--invocation-count-for-turbofan=600",
] as const;

export function compileEarly(model: ModelName): void {
  if (model === "sync" || model === "threads") for (const flag of EARLY) setFlagsFromString(flag);
}
