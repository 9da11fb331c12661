/**
 * Ends what has the turn on a thread, in the middle of a stretch that does not end by itself. The thread and everybody else on
 * it go on.
 *
 *   pause ─▶ look who it is ─▶ step out of code that is not the program's ─▶ condemn ─▶ terminate the stretch ─▶ resume
 *
 * Invariants
 * - From the look to the end the thread stands still: who was looked at is who is ended.
 * - Only code of the program is cut off. The runtime's own functions, and this library's, run to their end first, so that none
 *   of them leaves anything half done.
 * - Whatever goes wrong, the thread is let go.
 *
 * What is lost with the stretch: its own promises, and what other code on the thread did with promises of its own in the
 * same moment. Other units are not resumed in that moment (run-queue.ts).
 *
 * Rejected: termination without the pause. Between the look and the termination another unit may have got the turn.
 */

import { fileURLToPath } from "node:url";
import type { Interruption, TurnLook, TurnView } from "../supervise/inspect/turn-look.ts";
import { threadInspector } from "../supervise/inspect/thread-inspector.ts";
import { blamedFrame, lookAtThread, type StackFrame } from "../supervise/inspect/thread-stack.ts";
import { CONDEMN, VIEW } from "./turn-handle.ts";

/** Of this library, in which nothing is cut off. */
const OWN_FOLDER = fileURLToPath(new URL("../", import.meta.url));

/** Who has the turn on a thread, and where. Undefined: it does not answer. */
export async function lookAtTurn(threadId: number, timeoutMs: number): Promise<TurnLook | undefined> {
  const stack = await lookAtThread(threadId, VIEW, timeoutMs);
  return stack && { turn: stack.value as TurnView | undefined, frame: blamedFrame(stack.frames, OWN_FOLDER) };
}

/** For each answer: a thread that runs JavaScript gives it within milliseconds. */
const PATIENCE_MS = 1000;

/** Functions that may be inside of each other between the program's code and the place where it was stopped. */
const MAX_STEPS = 100;

/** Ends who has the turn, if `isMeant` says so. */
export async function interrupt(threadId: number, isMeant: (turn: TurnView) => boolean): Promise<Interruption> {
  const inspector = threadInspector();
  const paused = (): Promise<unknown> => inspector.event(threadId, "Debugger.paused", PATIENCE_MS);
  if ((await inspector.ask(threadId, "Debugger.enable", {}, PATIENCE_MS)) === undefined) return "silent";
  try {
    let stopped = paused();
    inspector.tell(threadId, "Debugger.pause");
    for (let step = 0; step < MAX_STEPS; step++) {
      if ((await stopped) === undefined) return "silent";
      const stack = await lookAtThread(threadId, VIEW, PATIENCE_MS);
      if (stack === undefined) return "silent";
      const turn = stack.value as TurnView | undefined;
      if (turn === undefined || !isMeant(turn)) return "spared";
      if (isProgramCode(stack.frames)) {
        const condemned = await inspector.ask(threadId, "Runtime.evaluate", { expression: CONDEMN }, PATIENCE_MS);
        if (condemned === undefined) return "silent";
        inspector.tell(threadId, "Runtime.terminateExecution");
        return "ended";
      }
      stopped = paused();
      inspector.tell(threadId, "Debugger.stepOut");
    }
    return "spared";
  } finally {
    inspector.tell(threadId, "Debugger.resume");
    inspector.tell(threadId, "Debugger.disable");
  }
}

/** Where it stands; what it has called of V8's own (`Array.prototype.map`) belongs to it. */
function isProgramCode(frames: readonly StackFrame[]): boolean {
  const location = frames.find((frame) => frame.location !== "native")?.location;
  return location !== undefined && !location.startsWith("node:") && !location.startsWith(OWN_FOLDER);
}
