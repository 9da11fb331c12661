/** A client that goes on until it is told to stop. */

export interface GoingOn {
  /** Resolves to the number of steps. Rejects with the error of the step that failed. */
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
      return done;
    },
  };
}
