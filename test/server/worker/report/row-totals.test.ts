import assert from "node:assert/strict";
import { test } from "node:test";
import { COUNTER, LoadRow } from "../../../../src/supervise/load-board.ts";
import { RowTotals } from "../../../../src/server/worker/report/row-totals.ts";

test("totals go on where the counts of a row wrap", () => {
  const row = LoadRow.create();
  const totals = new RowTotals(row);
  const near = 2 ** 32 - 3;
  row.counters.fill(near);
  row.handlerCounts.fill(near);
  row.queueCounts.fill(near);
  assert.deepEqual([totals.started, totals.look().handler[5]], [near, near]);
  for (let i = 0; i < 10; i++) {
    row.counters[COUNTER.started]!++;
    row.counters[COUNTER.finished]!++;
    row.handlerCounts[5]!++;
    row.queueCounts[0]!++;
    const { counters, handler, queue } = totals.look();
    assert.deepEqual(
      [counters.started, counters.finished, counters.shed, handler[5], handler[6], queue[0]],
      [near + i + 1, near + i + 1, near, near + i + 1, near, near + i + 1],
    );
  }
  assert.equal(row.read(COUNTER.started), 7);
  assert.equal(totals.started, near + 10);
});
