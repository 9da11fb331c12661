/**
 * When V8 compiles code that it has only interpreted so far.
 *
 * It counts calls: 400 before its fast compiler, and as many again after each new kind of value in the code. An event loop
 * reaches that within a second. A thread that blocks 20 ms in each request has fifty calls a second, so it runs slowly for
 * its first ten seconds, and so does every other thread of the pool. So the thresholds are lower where handlers run on their
 * own threads. On event loops they stay: code compiled early is compiled twice, and took 16 MB more memory. The best
 * compiler's threshold stays too: short handlers got slower when it started early.
 *
 * Set on the running process, not on its command line: a V8 that does not know a flag warns and continues.
 */

import type { ModelName } from "../../models/model.ts";

const EARLY = ["--invocation-count-for-maglev=60", "--minimum-invocations-after-ic-update=30"] as const;

export function compileEarly(model: ModelName): void {
  if (model !== "sync" && model !== "threads") return;
  // Not imported statically: the other models' workers don't need the module.
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  for (const flag of EARLY) setFlagsFromString(flag);
}
