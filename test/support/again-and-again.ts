/** A client that goes on until it is told to stop. */

const PATIENCE_MS = 60_000;

export interface GoingOn {
  /** Resolves to the number of steps. Rejects with the error of the step that failed, or if its last step does not end. */
  readonly stop: () => Promise<number>;
}

export function againAndAgain(step: () => Promise<unknown>): GoingOn {
  const state = { isOver: false };
  const done = (async () => {
    let steps = 0;
    while (!state.isOver) {
      await step();
      steps++;
    }
    return steps;
  })();
  // `stop` tells it.
  done.catch(() => {});
  return {
    stop: () => {
      state.isOver = true;
      const { promise: late, reject } = Promise.withResolvers<never>();
      const patience = setTimeout(() => reject(new Error(`the last step took over ${PATIENCE_MS} ms`)), PATIENCE_MS);
      return Promise.race([done, late]).finally(() => clearTimeout(patience));
    },
  };
}
