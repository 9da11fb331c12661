import assert from "node:assert/strict";
import { test } from "node:test";
import { addCounts, CountsRow, NO_UNITS } from "../../../src/runtime/watch/unit-counts.ts";

const some = {
  ...NO_UNITS,
  tasks: 3,
  parkedTasks: 2,
  queuedTasks: 1,
  actors: 5,
  parkedActors: 4,
  runnableActors: 1,
  messages: 7,
  longestMailbox: 6,
  oldestMessageMs: 100,
  restarts: 8,
};

test("a row has the counts that were written, whoever reads it", () => {
  const row = new CountsRow();
  assert.deepEqual(row.read(), NO_UNITS);
  row.write(some, 1000);
  assert.deepEqual(new CountsRow(row.buffer).read(1000), some);
});

test("the oldest message of a thread that does not write any more gets older", () => {
  const row = new CountsRow();
  row.write(some, 1000);
  assert.equal(row.read(1500).oldestMessageMs, 600);
});

test("a closed row counts nothing", () => {
  const row = new CountsRow();
  row.write(some);
  row.close();
  assert.equal(new CountsRow(row.buffer).isClosed, true);
  assert.deepEqual(row.read(), NO_UNITS);
});

test("counts of threads are added up, except the longest mailbox and the oldest message", () => {
  const sum = addCounts([some, { ...some, longestMailbox: 4, oldestMessageMs: 300 }, NO_UNITS]);
  assert.deepEqual([sum.tasks, sum.messages, sum.restarts], [6, 14, 16]);
  assert.deepEqual([sum.longestMailbox, sum.oldestMessageMs], [6, 300]);
  assert.equal(addCounts([]).oldestMessageMs, undefined);
});
