/**
 * Ends the unit whose code runs on a thread (an actor), in the middle of a stretch that does not end by itself. The
 * thread and its other units go on.
 *
 *   pause ─▶ see which unit it is ─▶ step out of code that is not the program's ─▶ condemn ─▶ terminate the stretch ─▶ resume
 *
 * Units that would have gone on behind it are lost with it. They are told (lost-units.ts).
 *
 * Invariants
 * - The thread is paused from the look to the end, so the unit that is ended is the one that was looked at.
 * - Only the program's code is cut off. Functions of Node and of this library run to their end first, so that none of them
 *   leaves anything half done.
 * - The thread is always resumed, whatever goes wrong.
 *
 * - If another unit was resumed in the same run of microtasks and has not parked since, nobody is ended: the other's
 *   continuation might be among what is dropped (`TurnView.besideOthers`).
 *
 * Lost with the stretch: its own promises, and what code of no unit did with its promises in the same microtask run.
 *
 * Rejected: termination without the pause. Another unit might get the turn between the look and the termination.
 */

import { fileURLToPath } from "node:url";
import type { Interruption, TurnLook, TurnView } from "../supervise/inspect/turn-look.ts";
import { threadInspector } from "../supervise/inspect/thread-inspector.ts";
import { blamedFrame, formatStack, lookAtThread, type StackFrame } from "../supervise/inspect/thread-stack.ts";
import { type PausedFrame, unwinding } from "../platform/node-internals/terminated.ts";
import { CONDEMN, goneOf, VIEW } from "./turn-handle.ts";

/** This library's folder. Nothing in it is cut off. */
const OWN_FOLDER = fileURLToPath(new URL("../", import.meta.url));

/** See `TurnInspector`. */
export async function lookAtTurn(
  threadId: number,
  timeoutMs: number,
  actors: readonly number[],
): Promise<TurnLook | undefined> {
  const stack = await lookAtThread(threadId, `{ turn: ${VIEW}, gone: ${goneOf(actors)} }`, timeoutMs);
  if (stack === undefined) return undefined;
  const { turn, gone = [] } = stack.value as { readonly turn?: TurnView; readonly gone?: readonly number[] };
  const { frames } = stack;
  return { turn, gone, frame: blamedFrame(frames, OWN_FOLDER), stack: formatStack(frames) };
}

/** Timeout for each answer. A thread that runs JavaScript answers within milliseconds. */
const PATIENCE_MS = 1000;

/** The collection of a large heap takes seconds. */
const CENSUS_PATIENCE_MS = 30_000;

/** Limit for nested functions between the program's code and the place where it was stopped. */
const MAX_STEPS = 100;

/** Ends the unit whose code runs, if `isMeant` returns true for it. */
export async function interrupt(threadId: number, isMeant: (turn: TurnView) => boolean): Promise<Interruption> {
  const inspector = threadInspector();
  const paused = (): Promise<unknown> => inspector.event(threadId, "Debugger.paused", PATIENCE_MS);
  if ((await inspector.ask(threadId, "Debugger.enable", {}, PATIENCE_MS)) === undefined) return "silent";
  try {
    let stopped = paused();
    inspector.tell(threadId, "Debugger.pause");
    for (let step = 0; step < MAX_STEPS; step++) {
      const pause = (await stopped) as { readonly callFrames?: readonly PausedFrame[] } | undefined;
      if (pause === undefined) return "silent";
      const stack = await lookAtThread(threadId, VIEW, PATIENCE_MS);
      if (stack === undefined) return "silent";
      const turn = stack.value as TurnView | undefined;
      if (turn === undefined || turn.besideOthers === true || !isMeant(turn)) return "spared";
      if (isProgramCode(stack.frames)) {
        const condemned = (await inspector.ask(
          threadId,
          "Runtime.evaluate",
          { expression: CONDEMN },
          CENSUS_PATIENCE_MS,
        )) as { readonly result?: { readonly value?: unknown } } | undefined;
        if (condemned === undefined) return "silent";
        if (condemned.result?.value !== true) return "spared";
        for (const { callFrameId, expression } of unwinding(pause.callFrames ?? [])) {
          const params = { callFrameId, expression, silent: true };
          await inspector.ask(threadId, "Debugger.evaluateOnCallFrame", params, PATIENCE_MS);
        }
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

/** Whether the innermost script frame is the program's. V8's own functions (`Array.prototype.map`) count as their caller. */
function isProgramCode(frames: readonly StackFrame[]): boolean {
  const location = frames.find((frame) => frame.location !== "native")?.location;
  return location !== undefined && !location.startsWith("node:") && !location.startsWith(OWN_FOLDER);
}
