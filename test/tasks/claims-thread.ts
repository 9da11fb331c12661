/** One of several threads that try to take the same claims, alone and in pairs, round after round. */

import { workerData } from "node:worker_threads";
import { Claim, type ClaimAddress } from "../../src/tasks/select/claims.ts";
import { Meetings } from "../../src/tasks/select/meetings.ts";

export interface ClaimsThreadData {
  readonly rows: SharedArrayBuffer;
  readonly cells: SharedArrayBuffer;
  /** How often each claim was won. */
  readonly wins: SharedArrayBuffer;
  /** [threads that have ended the round, rounds that all have ended] */
  readonly turn: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  readonly rounds: number;
  readonly claims: number;
}

const { rows, cells, wins, turn, thread, threads, rounds, claims } = workerData as ClaimsThreadData;
const cellWords = new Int32Array(cells);
const winWords = new Int32Array(wins);
const turnWords = new Int32Array(turn);
// Nobody waits for long, so that meetings are broken up now and then.
const meetings = new Meetings({ words: new Int32Array(rows), at: (row) => row, self: thread, patienceMs: 0.01 });

for (let round = 0; round < rounds; round++) {
  const all = Array.from({ length: claims }, (_, index) => {
    const address: ClaimAddress = [0, index, round];
    return new Claim(cellWords, address, meetings);
  });
  const won = (...indices: number[]): void => {
    for (const index of indices) Atomics.add(winWords, index, 1);
  };
  for (let i = 0; i < claims; i++) {
    const [one, other] = [(i * 3 + thread) % claims, (i * 5 + thread * 2 + 1) % claims];
    if (one !== other && all[one]!.takeWith(all[other]!) === "won") won(one, other);
  }
  for (const [index, claim] of all.entries()) if (claim.take() === "taken") won(index);
  endRound(round);
}

/** The last one opens the cells for the next round. */
function endRound(round: number): void {
  if (Atomics.add(turnWords, 0, 1) + 1 < threads) {
    Atomics.wait(turnWords, 1, round);
    return;
  }
  for (let index = 0; index < claims; index++) {
    cellWords[index * 3 + 1] = round + 1;
    Atomics.store(cellWords, index * 3, (round + 1) << 2);
  }
  Atomics.store(turnWords, 0, 0);
  Atomics.store(turnWords, 1, round + 1);
  Atomics.notify(turnWords, 1);
}
