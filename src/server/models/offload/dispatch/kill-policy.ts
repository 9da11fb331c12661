/**
 * Decides whether a handler thread is past its job's time. The clock alone can't tell: the thread may only wait for a CPU. So
 * its loop is asked for a sign of life before the thread is killed.
 *
 *   runs ──half the time is over──▶ asked ──the time is over, no sign──▶ killed
 *   told to stop ──no sign──▶ killed;  ──heard──▶ killed after LAST_MOMENTS_MS
 */

import type { RemoteJob } from "./remote-job.ts";
import type { LivenessProbe } from "./liveness-probe.ts";

/** Time for a handler that heard that it must stop, but goes on. */
const LAST_MOMENTS_MS = 2000;

/** "ask": for a sign of life. `because`: kill the thread. */
export type Sentence = "ask" | { readonly because: string } | undefined;

/** Judges a job that runs since `startedMs`. Notes in `signs` what was asked. */
export function killDecision(job: RemoteJob, startedMs: number, signs: LivenessProbe, nowMs: number): Sentence {
  if (job.toldMs === 0) return judgeLoop(job, startedMs, signs, nowMs);
  const { route, refusal } = job.exchange;
  const toldForMs = nowMs - job.toldMs;
  // Others may run beside it: only a loop that does not turn is a reason.
  if (job.isBeside && (refusal !== "HANDLER_TIMEOUT" || job.heard)) return undefined;
  if (refusal !== "HANDLER_TIMEOUT") {
    return route.timeoutMs > 0 && toldForMs >= route.timeoutMs
      ? { because: "ran on after its response had ended" }
      : undefined;
  }
  signs.asked(job.toldMs);
  return (job.heard ? toldForMs >= LAST_MOMENTS_MS : signs.areMissing(nowMs))
    ? { because: `did not end within its timeout (${route.timeoutMs} ms)` }
    : undefined;
}

/** Asks for a sign of life in time. A response that has begun may take long, as long as the loop turns. */
function judgeLoop({ exchange }: RemoteJob, startedMs: number, signs: LivenessProbe, nowMs: number): Sentence {
  const { timeoutMs } = exchange.route;
  if (timeoutMs === 0) return undefined;
  const quietMs = nowMs - Math.max(signs.lastMs, startedMs);
  if (quietMs > timeoutMs && exchange.res.headersSent && signs.areMissing(nowMs)) {
    return { because: `has blocked its thread's event loop for ${timeoutMs} ms in the middle of its response` };
  }
  return quietMs > timeoutMs / 2 && signs.asked(nowMs) ? "ask" : undefined;
}
