/** The leak profile of the program: each thread looks for its own leaked tasks (leaks-here.ts). */

import { jobSites } from "../jobs/jobs.ts";
import { onQuestion, askAll } from "./questions.ts";
import { leaksHere, type TaskLeak } from "./leaks-here.ts";

/** A collection of a large heap takes seconds. */
const PATIENCE_MS = 30_000;

interface Answer {
  readonly leaks: readonly TaskLeak[];
  /** Where the thread has started tasks that are on others. */
  readonly sites: ReturnType<typeof jobSites>;
}

onQuestion("leaks", async (): Promise<Answer> => ({ leaks: await leaksHere(), sites: jobSites() }));

/**
 * The tasks that can never go on, on all threads: each waits for something that nobody else can reach, such as a channel that all others
 * have dropped. Each is found once, and then forgotten with what it held: its `finally` never runs. What other threads know counts as
 * reachable, and so does a task whose handle the program keeps. So nothing is reported wrongly, and not everything is found.
 *
 * Each call runs a full garbage collection on every thread, which stops it meanwhile: for tests, and for a look at a program that grows. A thread
 * that does not answer for 30 s is left out.
 */
export async function findLeaks(): Promise<TaskLeak[]> {
  const { answers } = await askAll<Answer>("leaks", PATIENCE_MS);
  const sites = new Map(answers.flatMap((answer) => answer.sites));
  return answers
    .flatMap(({ leaks }) => leaks)
    .map((leak) => {
      const startedAt = leak.startedAt ?? sites.get(leak.id);
      return startedAt === undefined ? leak : { ...leak, startedAt };
    });
}
