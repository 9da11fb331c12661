/**
 * How many workers serve: what a command may say when it has taken effect. A worker serves if it would answer a request now, by the
 * same measure as /readyz (`server/control/health.ts`).
 */

import { setTimeout as sleep } from "node:timers/promises";
import { count } from "../../errors/count.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Progress } from "./coalesced-command.ts";

/** How many workers are wanted, and how many of them would answer a request. */
export interface ServingCount {
  readonly workers: number;
  readonly serving: number;
}

const LOOK_MS = 50;

/**
 * Resolves when as many workers serve as are wanted, or to how many do when the time is over. It looks again and again, because
 * silence is no event. `look` may throw, which ends it.
 */
export async function untilServing(
  look: () => ServingCount,
  patienceMs: number,
  progress: Progress,
): Promise<ServingCount> {
  const untilMs = monotonicMs() + patienceMs;
  const { workers, serving } = look();
  if (serving < workers) progress(`waiting for ${count(workers - serving, "worker")} to serve`);
  for (;;) {
    const now = look();
    if (now.serving >= now.workers || monotonicMs() >= untilMs) return now;
    await sleep(LOOK_MS);
  }
}
