/** One of two threads that take turns: each makes its step when it has seen the other's, and wakes it. */

import { workerData } from "node:worker_threads";
import { WakeWord } from "../../src/kit/wake-word.ts";

export interface WakeThreadData {
  /** [wake of the first, wake of the second, steps of the first, steps of the second] */
  readonly words: SharedArrayBuffer;
  readonly rounds: number;
  readonly self: 0 | 1;
}

const { words: buffer, rounds, self } = workerData as WakeThreadData;
const words = new Int32Array(buffer);
const other = 1 - self;
const mine = new WakeWord(words, self);
const its = new WakeWord(words, other);

for (let round = 0; round < rounds; round++) {
  // The first is one step ahead.
  for (;;) {
    const seen = mine.count;
    if (Atomics.load(words, 2 + other) >= round + self) break;
    mine.wait(seen, Infinity);
  }
  Atomics.store(words, 2 + self, round + 1);
  its.wake();
}
