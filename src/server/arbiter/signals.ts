/**
 * What signals mean to the arbiter. A handler only forwards the request; commands run one at a time.
 *
 * | signal    | meaning                                                     |
 * | TERM, INT | stop gracefully; a second INT stops at once                 |
 * | HUP       | reload; stop, when it came because the terminal was closed  |
 * | TTIN/TTOU | one worker more / less; several that wait are one command   |
 * | USR1/USR2 | nothing                                                     |
 */

import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import { isOutOfDescriptors } from "../../platform/descriptors.ts";

export interface SignalActions {
  stop(): void;
  stopNow(): void;
  reload(): void;
  scale(by: 1 | -1): void;
  /** A signal without a meaning here: other servers have one for it. */
  tellUnknown(signal: string): void;
}

/**
 * One Ctrl-C may arrive twice: the terminal sends it to the whole process group, and a launcher in the group (npm, npx,
 * bin/heddle.js under an old Node) forwards it too. A person's second Ctrl-C does not come this soon.
 */
const SAME_INTERRUPT_MS = 300;

/** Whether an interrupt is a new one. Pure. `lastMs`: when the one before came. undefined: this is the first. */
export function judgeInterrupt(nowMs: number, lastMs: number | undefined): "stop" | "same" | "stop-now" {
  if (lastMs === undefined) return "stop";
  return nowMs - lastMs < SAME_INTERRUPT_MS ? "same" : "stop-now";
}

/**
 * How many workers are wanted after these signals, in this order. Below 1 one changes nothing; if that leaves all as it is, the number is
 * the one to refuse. Pure.
 */
export function wantedAfter(workers: number, steps: readonly (1 | -1)[]): number {
  const wanted = steps.reduce<number>((now, step) => Math.max(1, now + step), workers);
  return wanted === workers ? steps.reduce<number>((now, step) => now + step, workers) : wanted;
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
  // By default, the one opens a debugger's port in a process without user code, and the other ends the server at once.
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => actions.tellUnknown(signal));
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch (error) {
    // Then we can't tell. Operators send a hang-up to reload.
    return isOutOfDescriptors(error);
  }
}
