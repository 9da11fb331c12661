/**
 * Which unit the running code belongs to.
 *
 * A unit begins in an async context of its own, and V8 restores that context at each of its continuations: after an `await` of
 * this library's promises and of any others, in its timers, and in promises that it shares with other units. So the answer is
 * exact, whoever has the turn (run-queue.ts). The turn only says who goes on next; whoever is linked, ended or told to be the
 * sender is found here.
 *
 * Undefined: the code belongs to no unit. Then nobody is meant.
 *
 * Units that can be ended in the middle of a stretch (`Turn.cutOff`) must run in such a context: so far all actors. What it
 * costs, and what was rejected: docs/decisions/actors.md.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { perThread } from "../kit/per-thread.ts";
import { runQueue, type Turn } from "./run-queue.ts";

const context: AsyncLocalStorage<Turn> = perThread("running unit", () => new AsyncLocalStorage<Turn>());

export function runningUnit(): Turn | undefined {
  return context.getStore();
}

/**
 * Calls a function as a part of this unit. What it starts and awaits belongs to the unit too.
 *
 * Rejected: `enterWith` inside of `AsyncResource.runInAsyncScope`, which takes a sixth of the time. A unit that is ended in its first
 * stretch never leaves that scope, and Node then ends the process: its stack of scopes is corrupted.
 */
export function runAs<T extends Turn, R>(unit: T, run: (unit: T) => R): R {
  return context.run(unit, run, unit);
}

/**
 * From here on the running microtask is a part of this unit. Call it in a microtask of the unit's own: V8 leaves the context
 * with it. That makes one context and not two, as `run` does, which makes another one to go back to.
 */
export function becomes(unit: Turn): void {
  context.enterWith(unit);
}

/**
 * The unit that is to get the turn when what the running code begins to wait for is there. For units without a context of their
 * own it is who has the turn.
 */
export function waitingUnit(): Turn | undefined {
  const unit = context.getStore();
  if (unit !== undefined) return unit;
  const { current } = runQueue;
  return current?.cutOff === undefined ? current : undefined;
}
