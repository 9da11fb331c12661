import assert from "node:assert/strict";
import { test } from "node:test";
import { Board } from "../../../../src/server/models/offload/shared/pool-board.ts";
import { surplus } from "../../../../src/server/worker/handlers/idle-eviction.ts";

const idle = (...times: number[]): { id: number; idleMs: number }[] =>
  times.map((idleMs, i) => ({ id: i + 1, idleMs }));
const threads = { model: "threads", min: 2 } as const;
const once = { model: "thread-per-request", min: 2 } as const;

test("threads that had nothing to do for long are let go, those with a high number first, down to min", () => {
  assert.deepEqual(surplus(idle(900, 900, 900, 900), threads, 500), [4, 3]);
  assert.deepEqual(surplus(idle(900, 900), threads, 500), []);
  assert.deepEqual(surplus(idle(900), threads, 500), []);
});

test("a thread that had something to do of late stays", () => {
  assert.deepEqual(surplus(idle(900, 900, 900, 100), threads, 500), [3]);
  assert.deepEqual(surplus(idle(0, 0, 900, 900), threads, 500), [4, 3]);
});

test("threads that have a request count for the min of threads, and not for the spares of thread-per-request", () => {
  assert.deepEqual(surplus(idle(0, 900, 900), threads, 500), [3]);
  assert.deepEqual(surplus(idle(0, 900, 900), once, 500), []);
  assert.deepEqual(surplus(idle(0, 900, 900, 900), once, 500), [4]);
});

test("without a limit all are kept", () => {
  assert.deepEqual(surplus(idle(1e9, 1e9, 1e9), threads, 0), []);
});

test("the board knows who had a job since it was asked last, however short it was", () => {
  const board = new Board();
  for (const id of [1, 2, 3]) board.open(id);
  assert.equal(board.tryClaimIdle(1), true);
  board.release(1);
  assert.equal(board.tryAdd(2, 4), true);
  const looks = [1, 2, 3].map((id) => board.takeUsed(id));
  assert.deepEqual(looks, [true, true, false]);
  assert.deepEqual(
    [1, 2, 3].map((id) => board.takeUsed(id)),
    [false, true, false],
    "the second still has its job",
  );
});
