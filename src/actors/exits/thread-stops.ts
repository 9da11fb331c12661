/**
 * A thread that its server is about to end: each actor is told to exit with `shutdown`, as a supervisor tells its children. Those
 * that a supervisor has started are left to it, so that they end in its order.
 */

import { arrive } from "../process/exit-signals.ts";
import { processes } from "../process/process.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { onStop } from "../messaging/remote.ts";

onStop(() => {
  for (const process of processes.slice()) {
    if (process.extra?.place !== undefined) continue;
    // Servers and supervisors end when their parent says so.
    const extra = rareFieldsOf(process);
    extra.parent ??= process;
    arrive(extra.parent, process, "shutdown", "sent");
  }
});
