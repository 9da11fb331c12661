import assert from "node:assert/strict";
import { test } from "node:test";
import { LOAD, MAX_THREADS, ThreadBoard } from "../../../src/runtime/threads/thread-board.ts";

const ROW_BYTES = 64;

test("a thread has the row of its number, which the one that is MAX_THREADS later has after it", () => {
  const board = new ThreadBoard();
  board.add(3, LOAD.queued, 2);
  board.add(3, LOAD.running, 1);
  assert.deepEqual([board.load(3), board.load(4)], [3, 0]);
  board.beat(3);
  board.clear(3 + MAX_THREADS);
  assert.deepEqual([board.load(3), board.silentMs(3)], [0, 0]);
});

test("a count does not fall below nothing: that is an error, and changes nothing", () => {
  const board = new ThreadBoard();
  for (const word of [LOAD.queued, LOAD.running, LOAD.offered]) {
    board.add(1, word, 1);
    board.add(1, word, -1);
    assert.throws(() => board.add(1, word, -1), { code: "INTERNAL", message: /the row of thread 1 has 0/ });
    assert.equal(board.read(1, word), 0);
  }
});

test("the count of messages goes on past 2^31 and over 2^32, as the thread's own does", () => {
  const board = new ThreadBoard();
  for (const start of [2 ** 31 - 2, 2 ** 32 - 2]) {
    new Int32Array(board.buffer, ROW_BYTES).fill(start, 0, ROW_BYTES / 4);
    let arrived = start | 0;
    for (let i = 0; i < 5; i++) {
      board.add(1, LOAD.posted, 1);
      assert.notEqual(board.read(1, LOAD.posted), arrived);
      arrived = (arrived + 1) | 0;
      assert.equal(board.read(1, LOAD.posted), arrived);
    }
  }
});

test("what is held in a row's name outlives the thread that has it", () => {
  const board = new ThreadBoard();
  const { words, at } = board.meetings;
  words[at(5)] = 77;
  board.add(5, LOAD.queued, 1);
  board.clear(5);
  assert.deepEqual([words[at(5)], board.load(5)], [77, 0]);
  assert.equal(new Set(Array.from({ length: MAX_THREADS }, (_, row) => at(row))).size, MAX_THREADS);
});
