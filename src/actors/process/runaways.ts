/**
 * Actors that compute and never await. On a scheduler thread one that is told to exit with `kill` is ended in the middle of
 * what it does, as in Erlang; one that only runs long is reported, and ended as well if there is a budget. How, is the
 * runtime's business (supervise/scheduler-watchdog.ts).
 */

import { HeddleError } from "../../errors/errors.ts";
import { runtime, ROOT } from "../../runtime/runtime.ts";
import { onMessage, post, thisThread } from "../messaging/remote.ts";

/** The actor of that thread has been sent `kill`: should it not hear of it, it is ended. */
export function seeToKill(thread: number, id: number): void {
  if (thread === ROOT) return;
  if (thisThread === ROOT) runtime().watchdog!.order(thread, id);
  else post(ROOT, ["killing", thread, id]);
}

onMessage("killing", (_from: number, thread: number, id: number) => runtime().watchdog!.order(thread, id));

/**
 * How long an actor of a scheduler thread may run without awaiting, in milliseconds; one that runs longer is ended with the reason
 * `killed`, as if by `exit(pid, "kill")`, and a warning (`ACTOR_RAN_AWAY`) says where it was. Its links, monitors and
 * supervisor see it; the thread and its other actors go on. The budget counts from when the actor is found, up to 0.3 s
 * after it began.
 *
 * Default: `Infinity`, no actor is ended; after 1 s it is reported (`ACTOR_BLOCKS`).
 *
 * Not found are actors that have awaited something outside of this library since they were last resumed, and those
 * on the program's first thread.
 *
 * @throws ACTOR_INVALID (less than 100 ms), THREADS_INVALID (not on the program's first thread)
 */
export function setRunawayBudget(budgetMs: number): void {
  if (!(budgetMs >= 100)) {
    throw new HeddleError("ACTOR_INVALID", `a runaway budget is at least 100 ms, and got ${budgetMs}.`, {
      hint: "Infinity ends no actor.",
    });
  }
  const { watchdog } = runtime();
  if (watchdog === undefined) {
    throw new HeddleError("THREADS_INVALID", "the runaway budget is set on the program's first thread.");
  }
  watchdog.budgetMs = budgetMs;
}
