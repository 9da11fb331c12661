import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Board } from "../../../../../src/server/models/offload/shared/pool-board.ts";
import { Ring } from "../../../../../src/server/models/offload/shared/job-ring.ts";

describe("the ring of a link", () => {
  test("a job is either started or recalled, never both", () => {
    const ring = new Ring(Ring.create());
    ring.open(1);
    ring.open(2);
    assert.deepEqual([ring.claim(1, 12.5), ring.recall(1)], [true, false]);
    assert.deepEqual([ring.recall(2), ring.claim(2, 13)], [true, false]);
    assert.deepEqual([ring.startedMs(1), ring.startedMs(2)], [12.5, undefined]);
    assert.deepEqual([ring.isRunning(1), ring.ranMs(1)], [true, undefined]);
    ring.finish(1, 20);
    assert.deepEqual([ring.isRunning(1), ring.ranMs(1)], [false, 7.5]);
  });

  test("a recalled job whose cell has a new one meanwhile cannot start that one", () => {
    const ring = new Ring(Ring.create());
    ring.open(3);
    ring.recall(3);
    ring.open(3 + 64);
    assert.equal(ring.claim(3, 1), false);
    assert.equal(ring.claim(3 + 64, 1), true);
  });
});

describe("the board of a pool", () => {
  test("one serving thread wins an idle handler, and a closed one has no takers", () => {
    const board = new Board();
    const other = new Board(board.buffer);
    board.open(7);
    assert.deepEqual([board.tryClaimIdle(7), other.tryClaimIdle(7)], [true, false]);
    assert.deepEqual([board.tryAdd(7, 2), board.tryAdd(7, 2), board.count(7)], [true, false, 2]);
    assert.equal(board.tryClose(7), false, "it is busy");
    board.release(7);
    board.release(7);
    assert.equal(board.tryClose(7), true);
    assert.deepEqual([board.tryClaimIdle(7), board.tryAdd(7, 8)], [false, false]);
  });

  test("a job ahead waits beside the count until its handler begins it", () => {
    const board = new Board();
    board.open(1);
    assert.equal(board.tryAddAhead(1), false, "an idle handler takes jobs as they come");
    assert.ok(board.tryClaimIdle(1));
    assert.ok(board.tryWait(5));
    assert.deepEqual([board.tryAddAhead(1), board.tryAddAhead(1)], [true, false]);
    assert.deepEqual([board.count(1), board.waiting], [1, 1]);
    board.release(1);
    assert.deepEqual([board.count(1), board.tryClaimIdle(1), board.tryClose(1)], [0, false, false]);
    board.startAhead(1);
    assert.deepEqual([board.count(1), board.waiting], [1, 0]);
    assert.ok(board.tryAddAhead(1));
    board.releaseAhead(1);
    board.release(1);
    assert.equal(board.load(1), 0);
  });

  test("a sealed handler finishes what it has and gets no more", () => {
    const board = new Board();
    board.open(1);
    assert.ok(board.tryClaimIdle(1));
    assert.ok(board.tryAddAhead(1));
    board.seal(1);
    assert.deepEqual([board.tryAdd(1, 16), board.tryAddAhead(1), board.isSpent(1)], [false, false, false]);
    board.release(1);
    board.startAhead(1);
    board.release(1);
    assert.deepEqual([board.isSpent(1), board.tryClaimIdle(1)], [true, false]);
  });

  test("no more wait than may", () => {
    const board = new Board();
    assert.deepEqual([board.tryWait(1), board.tryWait(1), board.waiting], [true, false, 1]);
    board.stopWaiting();
    assert.equal(board.tryWait(1), true);
  });
});
