/**
 * Reports tasks that never await. On a scheduler thread such a task holds up all others, timers and I/O as well; nothing on
 * the thread can say so, but the board can: its beat stands still, and it names who has the turn.
 *
 * The root looks while it waits for tasks. Blocking threads are not looked at: there it is allowed.
 */

import { perThread } from "../fabric/per-thread.ts";
import { LOAD } from "../fabric/fabric.ts";
import { nameAt } from "./names.ts";
import { connected } from "./service.ts";

const LOOK_MS = 250;

/** Longer than anything that means to share its thread computes at a stretch. */
const BLOCKED_MS = 1000;

interface Watch {
  timer: NodeJS.Timeout | undefined;
  /** Threads that have been reported, until they turn again. */
  readonly reported: Set<number>;
}

const state: Watch = perThread("task-watchdog", () => ({ timer: undefined, reported: new Set<number>() }));

/** Begins or stops looking. */
export function watch(isOn: boolean): void {
  if (!isOn) {
    clearInterval(state.timer);
    state.timer = undefined;
  } else if (connected().role === "root") {
    state.timer ??= setInterval(look, LOOK_MS).unref();
  }
}

function look(): void {
  const { board } = connected();
  for (const thread of connected().candidates("scheduler")) {
    const silentMs = board.silentMs(thread);
    if (silentMs < BLOCKED_MS) {
      state.reported.delete(thread);
    } else if (!state.reported.has(thread)) {
      state.reported.add(thread);
      report(thread, silentMs);
    }
  }
}

function report(thread: number, silentMs: number): void {
  const name = nameAt(thread, board(thread));
  const who = name === undefined ? "something" : `the task "${name}"`;
  process.emitWarning(`${who} has run for ${Math.round(silentMs)} ms on scheduler thread ${thread} without awaiting.`, {
    type: "HeddleWarning",
    code: "TASK_BLOCKS",
    detail:
      "Everything else on that thread waits for it. Run it with blocking(), or let it await yieldNow() now and then.",
  });
}

function board(thread: number): number {
  return connected().board.read(thread, LOAD.current);
}
