import assert from "node:assert/strict";
import { test } from "node:test";
import type { Seat } from "../../../../src/supervise/slot-table.ts";
import { Board } from "../../../../src/server/models/offload/shared/pool-board.ts";
import { type IdleTime, toEvict } from "../../../../src/server/worker/handlers/idle-eviction.ts";

const idle = (...times: number[]): IdleTime[] => times.map((idleMs, i) => ({ id: i + 1, slot: i, idleMs }));
const threads = { model: "threads", min: 2 } as const;
const once = { model: "thread-per-request", min: 2 } as const;

test("threads that had nothing to do for long are let go, those with a high slot first, down to min", () => {
  assert.deepEqual(toEvict(idle(900, 900, 900, 900), threads, 500), [4, 3]);
  assert.deepEqual(toEvict(idle(900, 900), threads, 500), []);
  assert.deepEqual(toEvict(idle(900), threads, 500), []);
});

test("a thread that had something to do of late stays", () => {
  assert.deepEqual(toEvict(idle(900, 900, 900, 100), threads, 500), [3]);
  assert.deepEqual(toEvict(idle(0, 0, 900, 900), threads, 500), [4, 3]);
});

test("threads that have a request count for the min of threads, and not for the spares of thread-per-request", () => {
  assert.deepEqual(toEvict(idle(0, 900, 900), threads, 500), [3]);
  assert.deepEqual(toEvict(idle(0, 900, 900), once, 500), []);
  assert.deepEqual(toEvict(idle(0, 900, 900, 900), once, 500), [4]);
});

test("it is the slot that counts, for the number of a thread grows with each that took a slot before it", () => {
  const swapped = [
    { id: 9, slot: 0, idleMs: 900 },
    { id: 2, slot: 1, idleMs: 900 },
    { id: 7, slot: 2, idleMs: 900 },
  ];
  assert.deepEqual(toEvict(swapped, threads, 500), [7]);
});

test("without a limit all are kept", () => {
  assert.deepEqual(toEvict(idle(1e9, 1e9, 1e9), threads, 0), []);
});

test("the board knows who had a job since it was asked last, however short it was", () => {
  const board = new Board(Board.create(3));
  const seats = [0, 1, 2].map((slot) => ({ slot, generation: 0 })) as [Seat, Seat, Seat];
  for (const seat of seats) board.open(seat);
  assert.equal(board.tryClaimIdle(seats[0]), true);
  board.release(seats[0]);
  assert.equal(board.tryAdd(seats[1], 4), true);
  const looks = seats.map((seat) => board.takeUsed(seat));
  assert.deepEqual(looks, [true, true, false]);
  assert.deepEqual(
    seats.map((seat) => board.takeUsed(seat)),
    [false, true, false],
    "the second still has its job",
  );
});
