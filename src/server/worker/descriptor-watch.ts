/**
 * Tells the operator that a process has no descriptors left. Nobody else would: the event loop gives up one that it keeps in
 * reserve, takes with it what waits in the listening socket's backlog, closes it, and says nothing. To clients the
 * server looks as if it hung up on them.
 */

import { readFileSync } from "node:fs";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { isShort } from "../../platform/descriptors.ts";

const CHECK_MS = 250;
/** A shortage comes and goes with the connections; it is told of once in this time. */
const REPEAT_MS = 60_000;

/** `who`: the process, as the line should name it. */
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

/** How many descriptors this process may have; undefined where the system has no such file. Read while there are some. */
function readLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
