/** What runs on the threads. A module of its own: it is imported there, and must not start the program again. */

import { type Channel, task, type Task } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

export interface Count {
  readonly number: number;
  readonly divisors: number;
}

/** Counts divisors by trial: nothing clever, so that there is something to do. */
export const countDivisors: Task<[Channel<number>, Channel<Count>], void> = task(
  import.meta.url,
  "countDivisors",
  async (numbers: Channel<number>, counts: Channel<Count>) => {
    for await (const number of numbers) {
      let divisors = 0;
      for (let i = 1; i <= number; i++) if (number % i === 0) divisors++;
      await counts.send({ number, divisors });
    }
  },
);
