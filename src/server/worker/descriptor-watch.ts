/**
 * Warns the operator when a process has no file descriptors left. Nothing else would warn: the event loop then uses a
 * descriptor it keeps in reserve to accept the waiting connections, and closes them silently. To clients, the server seems to
 * hang up on them.
 */

import { readFileSync } from "node:fs";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { isShort } from "../../platform/descriptors.ts";

const CHECK_MS = 250;
/** A shortage comes and goes with the connections. It is logged at most once in this time. */
const REPEAT_MS = 60_000;

/** `who`: the process's name in the log line. */
export function watchDescriptors(log: Log, who: string): void {
  const limit = readLimit();
  let toldMs = -Infinity;
  setInterval(() => {
    const nowMs = monotonicMs();
    if (nowMs - toldMs < REPEAT_MS || !isShort()) return;
    toldMs = nowMs;
    log.warn(
      { limit },
      `${who} has no file descriptors left${limit === undefined ? "" : ` (it started with a limit of ${limit})`}: ` +
        "new connections are closed without an answer until others end, and nothing can be started. " +
        "Raise the limit: `ulimit -n` in a shell, LimitNOFILE= of a systemd unit, `--ulimit nofile=` of a container.",
    );
  }, CHECK_MS).unref();
}

/** The process's descriptor limit. undefined where the system has no such file. Read while descriptors are left. */
function readLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
