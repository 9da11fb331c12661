/**
 * Whether a handler thread is past its job's time. Time alone does not tell: a thread may only wait for a CPU, so its loop is
 * asked for a sign of life before it is ended.
 *
 *   runs ──half the time is over──▶ asked ──the time is over, no sign──▶ ended
 *   told to stop ──no sign──▶ ended;  ──heard──▶ ended after LAST_MOMENTS_MS
 */

import type { RemoteJob } from "./remote-job.ts";
import type { LivenessProbe } from "./liveness-probe.ts";

/** A handler that heard and goes on all the same. */
const LAST_MOMENTS_MS = 2000;

/** "ask": for a sign of life. `because`: the thread is to be ended. */
export type Sentence = "ask" | { readonly because: string } | undefined;

/** Of a job that runs since `startedMs`. Notes in `signs` what is asked. */
export function killDecision(job: RemoteJob, startedMs: number, signs: LivenessProbe, nowMs: number): Sentence {
  if (job.toldMs === 0) return judgeLoop(job, startedMs, signs, nowMs);
  const { route, refusal } = job.exchange;
  const toldForMs = nowMs - job.toldMs;
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

/** Whether its thread's loop turns is asked in time. A response that has begun may take long, if only the loop turns. */
function judgeLoop({ exchange }: RemoteJob, startedMs: number, signs: LivenessProbe, nowMs: number): Sentence {
  const { timeoutMs } = exchange.route;
  if (timeoutMs === 0) return undefined;
  const quietMs = nowMs - Math.max(signs.lastMs, startedMs);
  if (quietMs > timeoutMs && exchange.res.headersSent && signs.areMissing(nowMs)) {
    return { because: `has kept its thread's loop from turning for ${timeoutMs} ms in the middle of its response` };
  }
  return quietMs > timeoutMs / 2 && signs.asked(nowMs) ? "ask" : undefined;
}
