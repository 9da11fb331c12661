/** Actors that compute and never await. On a scheduler thread, `kill` ends such an actor in the middle of its computation, as in
 * Erlang. An actor that only runs long is reported, and also ended if there is a budget. The root does both
 * (runtime/threads/runaway-threads.ts).
 */

import { show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { runtime } from "../../runtime/runtime.ts";

/**
 * How long an actor of a scheduler thread may run without awaiting, in milliseconds. An actor that runs longer is ended with
 * the reason `killed`, as if by `exit(pid, "kill")`, and a warning (`ACTOR_RAN_AWAY`) says where it was. Its links, monitors
 * and supervisor see that. The thread and its other actors go on. The budget counts from when the actor is found, up to 0.3 s
 * after it began.
 *
 * Default: `Infinity`. Then no actor is ended; after 1 s it is reported (`ACTOR_BLOCKS`).
 *
 * An actor that has exited, and computes while it unwinds (in a `finally`), is stopped after a second in any case.
 *
 * Not ended are actors on the program's first thread, and one that was resumed by another actor's promise while that one goes on
 * too, because the other could be lost with it.
 *
 * @throws ACTOR_INVALID (less than 100 ms), THREADS_INVALID (not on the program's first thread)
 */
export function setRunawayBudget(budgetMs: number): void {
  if (!(typeof budgetMs === "number" && budgetMs >= 100)) {
    throw new HeddleError("ACTOR_INVALID", `a runaway budget is at least 100 ms, and got ${show(budgetMs)}.`, {
      hint: "Infinity ends no actor.",
    });
  }
  const { runaways, isServers } = runtime();
  if (runaways === undefined) {
    throw new HeddleError("THREADS_INVALID", "the runaway budget is set on the program's first thread.", {
      ...(isServers && { hint: "In a server it is a setting: --runaway-budget." }),
    });
  }
  runaways.limits = { endMs: budgetMs };
}
