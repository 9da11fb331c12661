import assert from "node:assert/strict";
import { test } from "node:test";
import { HISTOGRAM_BUCKETS } from "../../../../src/kit/latency-histogram.ts";
import { Reporter } from "../../../../src/server/worker/report/report.ts";
import { COUNTER } from "../../../../src/supervise/load-board.ts";

test("what has been counted is told without being asked, once for each change", () => {
  const counts: Record<number, number> = {};
  const buckets = new Uint32Array(HISTOGRAM_BUCKETS);
  const row = { read: (counter: number) => counts[counter] ?? 0, handlerCounts: buckets, queueCounts: buckets };
  const pool = { on: () => {}, threads: [{ row }], restarts: 2, runtime: { root: { runaways: { ended: 0 } } } };
  const reporter = new Reporter(pool as never, {} as never, {} as never, { slot: 0, generation: 1 });
  assert.equal(reporter.newTotals(), undefined);
  counts[COUNTER.started] = 3;
  counts[COUNTER.finished] = 2;
  buckets[0] = 2;
  const { counters, handler, threadRestarts } = reporter.newTotals()!;
  assert.deepEqual([counters.started, counters.finished, threadRestarts], [3, 2, 2]);
  assert.deepEqual(handler, [[0, 2]]);
  assert.equal(reporter.newTotals(), undefined);
  pool.runtime.root.runaways.ended = 1;
  assert.equal(reporter.newTotals()?.runaways, 1);
  assert.equal(reporter.newTotals(), undefined);
});
