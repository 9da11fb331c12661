import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Handed,
  nextFree,
  overtaken,
  type Recall,
  toIdle,
} from "../../../../src/server/arbiter/accept/prefetch-policy.ts";

function handed(number: number, isAhead = true, recalled?: Recall): Handed<string> {
  return { worker: `w${number}`, number, isAhead, recalled };
}

function numbers(all: readonly Handed<string>[]): number[] {
  return all.map(({ number }) => number);
}

describe("going ahead", () => {
  test("is to the worker that has been busy for longest, if it takes any", () => {
    const worker = (takesAhead: boolean, runs: number): { takesAhead: boolean; runs: number } => ({ takesAhead, runs });
    assert.equal(nextFree([worker(true, 7), worker(true, 5), worker(false, 2)]), 1);
    assert.equal(nextFree([worker(false, 1)]), -1);
    assert.equal(nextFree([]), -1);
  });

  test("ends for as many as there are idle workers, less those on their way", () => {
    const all = [handed(0, false), handed(1), handed(2), handed(3)];
    assert.deepEqual(numbers(toIdle(all, 0)), []);
    assert.deepEqual(numbers(toIdle(all, 2)), [1, 2]);
    assert.deepEqual(numbers(toIdle([handed(0, true, "again"), ...all], 2)), [1]);
    assert.deepEqual(numbers(toIdle([handed(0, true, "overdue"), ...all], 2)), [1, 2]);
    assert.deepEqual(numbers(toIdle([handed(0, true, "again"), handed(1, true, "again")], 1)), []);
  });

  test("ends for those overtaken by a whole round", () => {
    const all = [handed(1, false), handed(2), handed(3, true, "left"), handed(4), handed(5)];
    assert.deepEqual(numbers(overtaken(all, 7, 3)), [2, 4]);
    assert.deepEqual(numbers(overtaken(all, 4, 3)), []);
    assert.deepEqual(numbers(overtaken(all, -1, 3)), []);
  });
});
