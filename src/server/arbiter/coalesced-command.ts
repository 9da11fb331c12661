/**
 * A command that waits for its turn, shared by all who ask for it before it begins. Who asks later may have changed what
 * the command has read by then, and gets the next one. So however many ask while one runs, exactly one more follows.
 */

export type Progress = (line: string) => void;

interface Waiting<T> {
  readonly progress: Set<Progress>;
  readonly outcome: Promise<T>;
}

export class CoalescedCommand<T> {
  /** Waits for the turn, calls `begins`, and runs. */
  readonly #run: (begins: () => void, progress: Progress) => Promise<T>;
  #waiting: Waiting<T> | undefined;

  constructor(run: (begins: () => void, progress: Progress) => Promise<T>) {
    this.#run = run;
  }

  /** The same `progress` is called once for each line, however often it asks. */
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
