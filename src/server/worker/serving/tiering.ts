/**
 * When V8 compiles what it has only interpreted so far.
 *
 * It counts calls: 400 before its fast compiler, and as many again after each kind of value that is new to the code. An
 * event loop has those within a second. A thread that blocks 20 ms in each request has fifty calls a second and runs
 * slowly for its first ten, and every thread of a pool anew. Where handlers have threads to themselves the
 * thresholds are therefore lower. On event loops they stay: code that is compiled early is compiled twice, and 16 MB more
 * were in use. The best compiler's threshold stays too: short handlers lost some speed when it came in early.
 *
 * Set on the running process, not on its command line: a V8 that does not know one of them says so and goes on.
 */

import type { ModelName } from "../../models/model.ts";

const EARLY = ["--invocation-count-for-maglev=60", "--minimum-invocations-after-ic-update=30"] as const;

export function compileEarly(model: ModelName): void {
  if (model !== "sync" && model !== "threads") return;
  // Not imported: the other models' workers do without the module.
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  for (const flag of EARLY) setFlagsFromString(flag);
}
