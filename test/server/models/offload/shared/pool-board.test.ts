import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Seat, SlotTable } from "../../../../../src/supervise/slot-table.ts";
import { WakeWord } from "../../../../../src/kit/wake-word.ts";
import { TASK_DEPTH } from "../../../../../src/server/models/offload/dispatch/assignment.ts";
import { TASK_CELLS } from "../../../../../src/server/models/offload/shared/job-ring.ts";
import { Board } from "../../../../../src/server/models/offload/shared/pool-board.ts";

const SLOTS = 3;
/** The last one that its 20 bits can tell: the next thread of the slot has 0 there. */
const LAST_GENERATION = 2 ** 20 - 1;

function boards(): [Board, Board] {
  const buffer = Board.create(SLOTS);
  return [new Board(buffer), new Board(buffer)];
}

function opened(board: Board, generation = 0, slot = 1): Seat {
  const seat = { slot, generation };
  board.open(seat);
  return seat;
}

for (const generation of [0, 2 ** 19, LAST_GENERATION]) {
  describe(`the board of a pool, in generation ${generation}`, () => {
    test("a job beside others leaves its thread free, and keeps it from being closed as idle", () => {
      const [board, other] = boards();
      const seat = opened(board, generation);
      assert.equal(board.tryClaimIdle(seat), true);
      other.runBeside(seat);
      assert.deepEqual([board.load(seat), board.beside(seat), board.weight(seat, 8)], [0, 1, 1]);
      assert.deepEqual([board.tryClose(seat), board.takeUsed(seat)], [false, true]);
      assert.equal(board.tryClaimIdle(seat), true);
      assert.deepEqual([board.weight(seat, 8), board.weight(seat, 1)], [2, Infinity]);
      other.release(seat);
      other.runAlone(seat);
      assert.deepEqual([board.load(seat), board.beside(seat)], [1, 0]);
      assert.throws(() => other.releaseBeside(seat), { code: "INTERNAL", message: /had none/ });
      other.runBeside(seat);
      board.close(seat);
      assert.deepEqual([board.isSpent(seat), board.weight(seat, 8)], [false, Infinity]);
      other.releaseBeside(seat);
      assert.equal(board.isSpent(seat), true);
    });

    test("one serving thread wins an idle handler, and a closed one has no takers", () => {
      const [board, other] = boards();
      const seat = opened(board, generation);
      assert.deepEqual([board.tryClaimIdle(seat), other.tryClaimIdle(seat)], [true, false]);
      assert.deepEqual([board.tryAdd(seat, 2), board.tryAdd(seat, 2), board.count(seat)], [true, false, 2]);
      assert.equal(board.tryClose(seat), false, "it is busy");
      board.release(seat);
      board.takeBack(seat);
      assert.equal(board.tryClose(seat), true);
      assert.deepEqual([board.tryClaimIdle(seat), board.tryAdd(seat, 8)], [false, false]);
    });

    test("a thread under tasks has as many that it has not begun as its limit says, and a job ahead besides", () => {
      const [board, other] = boards();
      const seat = opened(board, generation);
      for (let job = 0; job < TASK_DEPTH; job++) assert.ok(board.tryAdd(seat, TASK_DEPTH));
      assert.deepEqual([board.tryAdd(seat, TASK_DEPTH), other.weight(seat, TASK_DEPTH)], [false, Infinity]);
      assert.deepEqual([board.tryAddAhead(seat), board.count(seat)], [true, TASK_DEPTH]);
      other.takeBackAhead(seat);
      for (let job = 0; job < TASK_DEPTH; job++) other.runBeside(seat);
      assert.deepEqual([board.load(seat), board.weight(seat, TASK_DEPTH)], [0, TASK_DEPTH]);
    });

    test("a job ahead waits beside the count until its handler begins it", () => {
      const [board] = boards();
      const seat = opened(board, generation);
      assert.equal(board.tryAddAhead(seat), false, "an idle handler takes jobs as they come");
      assert.ok(board.tryClaimIdle(seat));
      assert.ok(board.tryWait(5));
      assert.deepEqual([board.tryAddAhead(seat), board.tryAddAhead(seat)], [true, false]);
      assert.deepEqual([board.count(seat), board.waiting], [1, 1]);
      board.release(seat);
      assert.deepEqual([board.count(seat), board.tryClaimIdle(seat), board.tryClose(seat)], [0, false, false]);
      board.startAhead(seat);
      assert.deepEqual([board.count(seat), board.waiting], [1, 0]);
      assert.ok(board.tryAddAhead(seat));
      board.takeBackAhead(seat);
      board.release(seat);
      assert.equal(board.load(seat), 0);
    });

    test("a closed handler finishes what it has and gets no more", () => {
      const [board] = boards();
      const seat = opened(board, generation);
      assert.ok(board.tryClaimIdle(seat));
      assert.ok(board.tryWait(1));
      assert.ok(board.tryAddAhead(seat));
      board.close(seat);
      assert.deepEqual([board.tryAdd(seat, 16), board.tryAddAhead(seat), board.isSpent(seat)], [false, false, false]);
      board.release(seat);
      board.startAhead(seat);
      board.release(seat);
      assert.deepEqual([board.isSpent(seat), board.tryClaimIdle(seat)], [true, false]);
    });

    test("who has not heard that a handler is gone can do nothing to the one that has its slot", () => {
      const [board, late] = boards();
      const gone = opened(board, generation);
      assert.ok(late.tryClaimIdle(gone));
      board.close(gone);
      const seat = opened(board, (generation + 1) >>> 0);
      assert.deepEqual([late.tryClaimIdle(gone), late.tryAdd(gone, 16), late.tryClose(gone)], [false, false, false]);
      assert.ok(late.load(gone) > 16, "it looks closed");
      assert.ok(board.tryClaimIdle(seat));
      assert.equal(late.tryAddAhead(gone), false);
      late.takeBack(gone);
      late.takeBackAhead(gone);
      late.close(gone);
      assert.deepEqual([board.load(seat), board.count(seat)], [1, 1]);
      board.release(seat);
      assert.equal(board.load(seat), 0);
    });

    test("a slot that was not opened in this generation is closed to all", () => {
      const [board] = boards();
      const seat = { slot: 2, generation };
      assert.deepEqual(
        [board.tryClaimIdle(seat), board.tryAdd(seat, 16), board.tryAddAhead(seat)],
        [false, false, false],
      );
      assert.notEqual(board.load(seat), 0);
    });

    test("a count that would fall below nothing is an error, and stays what it was", () => {
      const [board] = boards();
      const seat = opened(board, generation);
      for (const underflow of ["release", "takeBack", "takeBackAhead", "startAhead"] as const) {
        assert.throws(() => board[underflow](seat), { code: "INTERNAL", message: /slot 1, .*0 jobs/ });
        assert.equal(board.load(seat), 0, underflow);
      }
      assert.throws(() => board.release({ slot: 1, generation: generation + 1 }), { code: "INTERNAL" });
      assert.throws(() => board.stopWaiting(), { code: "INTERNAL", message: /1 stopped waiting .* 0 were counted/ });
      assert.equal(board.waiting, 0);
      assert.equal(board.tryClaimIdle(seat), true);
    });

    test("a slot whose thread lives is not opened for another", () => {
      const [board] = boards();
      opened(board, generation);
      assert.throws(() => opened(board, generation + 1), { code: "INTERNAL" });
    });
  });
}

test("what a thread may not have begun has cells in a job ring", () => {
  assert.ok(TASK_DEPTH < TASK_CELLS);
});

test("no more wait than may", () => {
  const [board] = boards();
  assert.deepEqual([board.tryWait(1), board.tryWait(1), board.waiting], [true, false, 1]);
  board.stopWaiting();
  assert.equal(board.tryWait(1), true);
});

test("each slot has a wake of its own", () => {
  const [board] = boards();
  const all = [0, 1, 2].map((slot) => board.wakeOf({ slot, generation: 0 }));
  all[1]!.wake();
  assert.deepEqual(
    [board.freed, ...all].map(({ count }) => count),
    [0, 0, 1, 0],
  );
});

test("a thread that lives through ten thousand others of a pool of three keeps its job, and its slot", () => {
  const [board] = boards();
  const table = new SlotTable({ slots: SLOTS, order: "lowest" });
  const living = table.take()!;
  board.open(living);
  assert.ok(board.tryClaimIdle(living));
  for (let i = 0; i < 10_000; i++) {
    const seat = table.take()!;
    board.open(seat);
    assert.ok(board.tryClaimIdle(seat));
    board.close(seat);
    table.free(seat);
  }
  assert.deepEqual([board.count(living), board.tryClaimIdle(living)], [1, false]);
  board.release(living);
  assert.equal(board.tryClaimIdle(living), true);
});

for (const slots of [1, 2, 3, 4, 5, 16]) {
  test(`the wakes of a board of ${slots} are found by their place, as another thread finds them`, () => {
    const board = new Board(Board.create(slots));
    for (let slot = 0; slot < slots; slot++) {
      const wake = board.wakeOf({ slot, generation: 0 });
      const found = WakeWord.at(wake.place);
      const seen = wake.count;
      found.wake();
      assert.equal(wake.count, seen + 1);
    }
  });
}
