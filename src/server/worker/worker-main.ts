/**
 * A worker whose app runs on threads: a pre-forked process whose main thread is the acceptor, and runs no user code.
 *
 * Signals meant for the whole process group (Ctrl-C, a closed terminal) are the arbiter's to act on and are ignored here; on a
 * SIGTERM it asks the arbiter to be replaced, so that one sent to this process alone costs nothing, and one sent to the group
 * as well is a stop like any other.
 */

import { givePreloads } from "../../supervise/preloads.ts";
import { keepPrinting } from "./app-output.ts";
import { Worker } from "./worker.ts";
import type { WorkerBoot } from "./worker-protocol.ts";

process.title = "heddle worker";
keepPrinting();
for (const signal of ["SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"] as const) process.on(signal, () => {});

process.once("message", (boot: WorkerBoot) => {
  givePreloads(boot.preloads, boot.nodeOptions);
  const worker = new Worker(boot, { exit: (code) => process.exit(code) });
  process.on("SIGTERM", () => worker.terminate());
  void worker.boot();
});
process.once("disconnect", () => process.exit(1));
