import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { createSharedMemory, loadNative } from "../../../../src/platform/native.ts";
import { OnBoard, openRow, WorkerBoard } from "../../../../src/server/worker/accept/worker-board.ts";
import { COUNTER } from "../../../../src/supervise/load-board.ts";
import { hasFfi } from "../../../support/ffi.ts";

const hasMemory = hasFfi && process.platform === "linux";

describe("the load board of all workers", { skip: hasMemory ? false : "there is no memory to share" }, () => {
  before(async () => void (await loadNative()));

  function accepting(board: WorkerBoard, pid: number): OnBoard {
    const place = new OnBoard({ fd: board.fd, index: board.take()! });
    place.row.counters[COUNTER.pid] = pid;
    place.row.counters[COUNTER.accepts] = 1;
    return place;
  }

  test("shows each worker the others that accept, with their connections", async () => {
    const board = WorkerBoard.create()!;
    const [first, second, third] = [accepting(board, 11), accepting(board, 22), accepting(board, 33)];
    Atomics.add(first.row.counters, COUNTER.connections, 5);
    third.row.counters[COUNTER.accepts] = 0;
    assert.deepEqual(
      second.neighbours().map(({ pid, row }) => [pid, row.read(COUNTER.connections)]),
      [[11, 5]],
    );
    assert.equal(second.rowOf(11)!.read(COUNTER.connections), 5);
    assert.equal(second.rowOf(33), undefined, "it has begun to leave");
    const { row, neighbours } = await openRow({ fd: board.fd, index: 0 });
    assert.deepEqual([row.read(COUNTER.pid), neighbours!().length], [11, 1]);
  });

  test("gives a seat to another worker when its own is gone, cleared", () => {
    const board = WorkerBoard.create()!;
    const [first, second] = [accepting(board, 11), accepting(board, 22)];
    Atomics.add(first.row.counters, COUNTER.connections, 5);
    board.leave(0);
    assert.deepEqual(second.neighbours(), []);
    assert.equal(board.take(), 0);
    assert.deepEqual([first.row.read(COUNTER.connections), first.row.read(COUNTER.pid)], [0, 0]);
  });

  test("has seats for many workers, and none for more", () => {
    const board = WorkerBoard.create()!;
    let seats = 0;
    while (board.take() !== undefined) seats++;
    assert.equal(seats, 1024);
    board.leave(500);
    assert.equal(board.take(), 500);
  });

  test("its rows lie apart", () => {
    const board = WorkerBoard.create()!;
    const [first, second] = [board.row(board.take()!), board.row(board.take()!)];
    first.queueCounts.fill(7);
    first.handlerCounts.fill(7);
    assert.ok(second.handlerCounts.every((count) => count === 0) && second.read(0) === 0 && second.beatMs === 0);
  });

  test("cannot be mapped from what is no such memory", () => {
    assert.ok(createSharedMemory(4096)! > 2);
    assert.throws(() => WorkerBoard.at(0x7fff), /cannot map \d+ bytes of descriptor 32767/);
  });
});
