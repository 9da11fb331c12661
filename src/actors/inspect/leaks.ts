/** The leak profile of the program's actors: each thread looks for its own (leaks-here.ts). */

import { clearTimeout, setTimeout } from "../../kit/native-timers.ts";
import { collectLeaks } from "../../runtime/watch/leak-collection.ts";
import { ask, onQuestion, otherThreads, thisThread } from "../messaging/remote.ts";
import { probeActors } from "./leaks-here.ts";

/** A collection of a large heap takes seconds. */
const PATIENCE_MS = 30_000;

/** An actor that can never go on. */
export interface ActorLeak {
  /** As text: `<thread.number>`. */
  readonly pid: string;
  readonly thread: number;
  readonly kind: "actor" | "worker" | "supervisor";
  /** The name of its function, if `actor()` made it. */
  readonly label: string | undefined;
  /** Whether it waits in `receive`; otherwise for a promise of the program that nobody settles. */
  readonly receives: boolean;
  /** Where it was spawned: `function (file:line:column)`. Not of each actor: at most 1,000 have it, and one more for each millisecond. */
  readonly startedAt: string | undefined;
}

onQuestion("leaks", async (): Promise<ActorLeak[]> => {
  const leaks = await collectLeaks([{ probeLeaks: probeActors }]);
  return leaks.map(({ id, kind, name, where, startedAt }) => ({
    pid: id,
    thread: thisThread,
    kind: kind as ActorLeak["kind"],
    label: name,
    receives: where === "receive",
    startedAt,
  }));
});

/**
 * The actors that can never go on, on all threads: each waits, and nobody can send to it any more. It has no name, no group, link,
 * monitor or supervisor, and nobody has kept its pid. Each is found once, and then forgotten with what it held: its `finally` never
 * runs. An actor whose pid another thread has seen counts as reachable. So nothing is reported wrongly, and not everything is found.
 *
 * Each call runs a full garbage collection on every thread, which stops it meanwhile: for tests, and for a look at a program that
 * grows. A thread that does not answer for 30 s is left out.
 */
export async function findLeakedActors(): Promise<ActorLeak[]> {
  const found = await Promise.all([thisThread, ...otherThreads()].map(leaksOf));
  return found.flat();
}

async function leaksOf(thread: number): Promise<ActorLeak[]> {
  const late = Promise.withResolvers<ActorLeak[]>();
  const timer = setTimeout(() => late.resolve([]), PATIENCE_MS);
  // A thread that ends meanwhile has no actors any more.
  const answer = (ask(thread, "leaks") as Promise<ActorLeak[]>).catch(() => []);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
