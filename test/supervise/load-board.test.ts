import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { monotonicMs } from "../../src/kit/clock.ts";
import { COUNTER, LoadRow, ROW_BYTES } from "../../src/supervise/load-board.ts";

describe("a row of the load board", () => {
  test("shows another thread what its own has written", async () => {
    const row = LoadRow.create();
    const worker = new Worker(new URL("load-board-thread.ts", import.meta.url), { workerData: row.buffer });
    const before = monotonicMs();
    await once(worker, "exit");
    assert.equal(row.read(COUNTER.started), 5);
    assert.equal(row.read(COUNTER.finished), 3);
    assert.equal(row.inFlight, 2);
    assert.equal(row.handlerCounts[7], 1);
    assert.equal(row.queueCounts[8], 1);
    assert.ok(row.beatMs > before - 60_000 && row.beatMs <= monotonicMs(), "one clock for all threads");
  });

  test("counts on past 2^31 and over 2^32", () => {
    const row = LoadRow.create();
    row.counters[COUNTER.started] = 0x7fffffff;
    row.counters[COUNTER.finished] = 0x7fffffff;
    row.counters[COUNTER.started]!++;
    assert.equal(row.read(COUNTER.started), 2 ** 31);
    assert.equal(row.inFlight, 1);
    row.counters[COUNTER.started] = 2;
    row.counters[COUNTER.finished] = -3;
    assert.equal(row.inFlight, 5);
  });

  test("a number that goes up and down does not fall below nothing: that is an error", () => {
    const row = LoadRow.create();
    for (const name of ["connections", "queued", "webSockets"] as const) {
      row.counters[COUNTER[name]] = 1;
      row.lower(name);
      assert.throws(() => row.lower(name), { code: "INTERNAL", message: new RegExp(`counts 0 for "${name}"`) });
      assert.equal(row.read(COUNTER[name]), 0);
    }
  });

  test("lowers what may have been cleared only if something is counted", () => {
    const row = LoadRow.create();
    row.counters[COUNTER.connections] = 1;
    assert.equal(row.tryLower("connections"), true);
    assert.equal(row.tryLower("connections"), false);
    assert.equal(row.read(COUNTER.connections), 0);
  });

  test("shows no request as negative that starts and ends while it is read", () => {
    const row = new (class extends LoadRow {
      override read(counter: number): number {
        const count = super.read(counter);
        this.counters[COUNTER.started]!++;
        this.counters[COUNTER.finished]!++;
        return count;
      }
    })(new SharedArrayBuffer(ROW_BYTES));
    assert.equal(row.inFlight, 1);
  });

  test("no two counters share a place, nor do the histograms", () => {
    const places = Object.values(COUNTER);
    assert.equal(new Set(places).size, places.length);
    const row = LoadRow.create();
    row.counters.fill(-1);
    assert.ok([...row.handlerCounts, ...row.queueCounts, row.beatMs].every((count) => count === 0));
    row.handlerCounts.fill(1);
    assert.ok(row.queueCounts.every((count) => count === 0));
  });
});
