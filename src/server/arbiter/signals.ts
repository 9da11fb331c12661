/**
 * What signals mean to the arbiter. A handler only hands the wish on; commands run one at a time.
 *
 * | signal    | meaning                                                     |
 * | TERM, INT | stop gracefully; a second INT stops at once                 |
 * | HUP       | reload; stop, when it came because the terminal was closed  |
 * | TTIN/TTOU | one worker more / less                                      |
 */

import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import { isOutOfDescriptors } from "../../platform/descriptors.ts";

export interface SignalActions {
  stop(): void;
  stopNow(): void;
  reload(): void;
  scale(by: 1 | -1): void;
}

/**
 * One Ctrl-C may arrive twice: the terminal sends it to the whole process group, and a launcher in the group (npm, npx,
 * bin/heddle.js under an old Node) passes on what it got. Nobody's second Ctrl-C comes this soon.
 */
const SAME_INTERRUPT_MS = 300;

/** Whether an interrupt is a new one. Pure. `lastMs`: when the one before came, undefined for the first. */
export function judgeInterrupt(nowMs: number, lastMs: number | undefined): "stop" | "same" | "stop-now" {
  if (lastMs === undefined) return "stop";
  return nowMs - lastMs < SAME_INTERRUPT_MS ? "same" : "stop-now";
}

export function installSignals(actions: SignalActions): void {
  const hadTerminal = isatty(0);
  let interruptedMs: number | undefined;
  process.on("SIGTERM", () => actions.stop());
  process.on("SIGINT", () => {
    const nowMs = performance.now();
    const verdict = judgeInterrupt(nowMs, interruptedMs);
    if (verdict === "stop") actions.stop();
    else if (verdict === "stop-now") actions.stopNow();
    if (verdict !== "same") interruptedMs = nowMs;
  });
  process.on("SIGHUP", () => {
    if (hadTerminal && !hasTerminal()) actions.stop();
    else actions.reload();
  });
  process.on("SIGTTIN", () => actions.scale(1));
  process.on("SIGTTOU", () => actions.scale(-1));
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch (error) {
    // Then nothing can be said, and a hang-up is what operators send: reload.
    return isOutOfDescriptors(error);
  }
}
