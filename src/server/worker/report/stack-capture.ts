/** The stack of a thread that is blocked right now, and the request it is blocked for. */

import { lookAtThread, type StackFrame } from "../../../supervise/inspect/thread-stack.ts";
import { PROBE_EXPRESSION, type ProbeAnswer } from "./probe.ts";

export interface CapturedStack {
  readonly frames: readonly StackFrame[];
  readonly probe: ProbeAnswer | undefined;
}

/** undefined: the thread did not answer within `timeoutMs`, or is gone. */
export async function captureStack(threadId: number, timeoutMs: number): Promise<CapturedStack | undefined> {
  const stack = await lookAtThread(threadId, PROBE_EXPRESSION, timeoutMs);
  return stack && { frames: stack.frames, probe: stack.value as ProbeAnswer | undefined };
}
