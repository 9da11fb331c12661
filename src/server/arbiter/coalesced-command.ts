/**
 * A command that waits for its turn, shared by all callers that ask for it before it begins. A later caller may have changed
 * what the command has read by then, so it gets the next one. However many ask while one runs, exactly one more follows.
 */

export type Progress = (line: string) => void;

interface Waiting<T> {
  readonly progress: Set<Progress>;
  readonly outcome: Promise<T>;
}

export class CoalescedCommand<T> {
  /** Waits for its turn, calls `begins`, and runs. */
  readonly #run: (begins: () => void, progress: Progress) => Promise<T>;
  #waiting: Waiting<T> | undefined;

  constructor(run: (begins: () => void, progress: Progress) => Promise<T>) {
    this.#run = run;
  }

  /** If the same `progress` is passed several times, it is still called once for each line. */
  ask(progress: Progress): Promise<T> {
    const waiting = (this.#waiting ??= this.#wait());
    waiting.progress.add(progress);
    return waiting.outcome;
  }

  #wait(): Waiting<T> {
    const progress = new Set<Progress>();
    const begins = (): void => void (this.#waiting = undefined);
    return { progress, outcome: this.#run(begins, (line) => progress.forEach((tell) => tell(line))) };
  }
}
