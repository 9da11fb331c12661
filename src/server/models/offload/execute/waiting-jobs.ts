/**
 * The jobs of a thread under `threads` that said that they only wait (`reclassify("tasks")`), by what their handlers have returned.
 *
 * One that awaits a promise that nobody settles would be in flight for ever, after its client has got the answer of the timeout. A
 * look for leaks (runtime/watch/leak-collection.ts) finds it, as a request under `tasks`: it is over then, with its response.
 *
 * Invariant: nothing else here, and no job, keeps what a handler has returned. So for the time of a collection only what will wake the
 * handler does.
 */

import type { LeakProbe, UnitLeak } from "../../../../runtime/watch/watchers.ts";
import { addWatcher } from "../../../../runtime/watch/watchers.ts";
import type { RunningJob } from "./running-job.ts";

interface Kept {
  readonly job: RunningJob;
  readonly outcome: WeakRef<Promise<unknown>>;
}

export class WaitingJobs {
  /** Undefined: its handler has not returned yet, or was found to be a leak. */
  readonly #outcomes = new Map<RunningJob, Promise<unknown> | undefined>();
  #isWatched = false;

  has(job: RunningJob): boolean {
    return this.#outcomes.has(job);
  }

  set(job: RunningJob, outcome: Promise<unknown> | undefined): void {
    this.#outcomes.set(job, outcome);
    if (this.#isWatched) return;
    this.#isWatched = true;
    addWatcher("waiting jobs", {
      counts: () => ({}),
      look: () => Promise.resolve({ units: [], more: 0 }),
      probeLeaks: () => Promise.resolve(this.#probe()),
    });
  }

  /** What its handler has returned. */
  take(job: RunningJob): Promise<unknown> | undefined {
    const outcome = this.#outcomes.get(job);
    this.#outcomes.delete(job);
    return outcome;
  }

  delete(job: RunningJob): boolean {
    return this.#outcomes.delete(job);
  }

  #probe(): LeakProbe {
    const kept: Kept[] = [];
    for (const [job, outcome] of this.#outcomes) {
      if (outcome !== undefined) kept.push({ job, outcome: new WeakRef(outcome) });
    }
    return { hide: () => this.#hide(kept) };
  }

  #hide(kept: readonly Kept[]): () => UnitLeak[] {
    const hidden = kept.filter(({ job }) => this.#outcomes.get(job) !== undefined);
    for (const { job } of hidden) this.#outcomes.set(job, undefined);
    return () => {
      const lost: RunningJob[] = [];
      for (const { job, outcome } of hidden) {
        const there = outcome.deref();
        this.#outcomes.set(job, there);
        if (there === undefined) lost.push(job);
      }
      for (const job of lost) job.neverReturns();
      return lost.map(leakOf);
    };
  }
}

function leakOf({ job, routeName }: RunningJob): UnitLeak {
  const { seq, route, method, url } = job;
  const name = route === "*" ? `${method} ${url.split("?", 1)[0]}` : routeName;
  return { kind: "task", id: `job ${seq}`, name, where: undefined, since: undefined, startedAt: undefined };
}
