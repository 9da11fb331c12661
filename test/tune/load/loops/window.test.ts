import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MeasuredWindow } from "../../../../src/tune/load/loops/window.ts";

const BEGIN_MS = 1000;
/** From 1,000 to 3,000. */
function window(): MeasuredWindow {
  return new MeasuredWindow(BEGIN_MS, 2);
}

describe("the window of a closed loop", () => {
  it("counts a latency where its answer came", () => {
    const measured = window();
    assert.equal(measured.closed(900, 999), false);
    assert.equal(measured.closed(900, 1100), true);
    assert.equal(measured.closed(2900, 2999), true);
    assert.equal(measured.closed(2900, 3100), false);
    assert.equal(measured.closed(3100, 3200), false);
    assert.equal(measured.latencies.count, 2);
    assert.equal(measured.latencies.maxMs, 200);
  });

  it("counts a request across an edge by its share inside, so that one slow client has its exact throughput", () => {
    for (const phase of [0, 130, 399]) {
      const measured = window();
      for (let sent = BEGIN_MS - phase; sent < 4000; sent += 400) measured.closed(sent, sent + 400);
      assert.ok(
        Math.abs(measured.throughputAnswers - 2000 / 400) < 1e-9,
        `phase ${phase}: ${measured.throughputAnswers}`,
      );
      assert.equal(measured.inFlightMs, 2000);
    }
  });

  it("counts requests that were sent again as errors if there are more than a few", () => {
    const measured = (repeats: number): MeasuredWindow => {
      const one = window();
      for (let sent = 0; sent < 990; sent++) one.closed(BEGIN_MS + sent, BEGIN_MS + sent + 1);
      for (let at = 0; at < repeats; at++) one.repeated(BEGIN_MS + at);
      for (let at = 0; at < 500; at++) one.repeated(BEGIN_MS - 1 - at);
      one.judgeRepeated();
      return one;
    };
    assert.deepEqual([measured(10).errors, measured(10).errorsByCause], [0, {}]);
    assert.deepEqual([measured(11).errors, measured(11).errorsByCause], [11, { reset: 11 }]);
  });

  it("counts errors by cause, and no latency of theirs", () => {
    const measured = window();
    measured.closed(1000, 1010, "503");
    measured.closed(1000, 1010, "503");
    measured.closed(1000, 1010, "reset");
    measured.closed(2990, 3010, "reset");
    assert.equal(measured.errors, 3);
    assert.deepEqual(measured.errorsByCause, { "503": 2, reset: 1 });
    assert.equal(measured.latencies.count, 0);
    assert.equal(measured.throughputAnswers, 0);
  });
});

describe("the window of an open loop", () => {
  it("counts a latency where its request was due, however late the answer comes", () => {
    const measured = window();
    assert.equal(measured.open(900, 1100), false);
    assert.equal(measured.open(1000, 1100), true);
    assert.equal(measured.open(2999, 9000), true);
    assert.equal(measured.open(3000, 3001), false);
    assert.equal(measured.latencies.count, 2);
    assert.equal(measured.latencies.maxMs, 6001);
  });

  it("counts for the throughput what was answered inside: an overloaded server has no more than it can do", () => {
    const measured = window();
    // Due every 10 ms, answered every 20 ms.
    for (let index = 0; index < 300; index++) measured.open(index * 10, 20 + index * 20);
    assert.equal(measured.throughputAnswers, 100);
  });

  it("sums what is in flight over the time inside", () => {
    const measured = window();
    measured.open(500, 1500);
    measured.open(2500, 3500);
    measured.open(0, 4000);
    assert.equal(measured.inFlightMs, 500 + 500 + 2000);
  });

  it("counts an error where its request was due", () => {
    const measured = window();
    measured.open(2999, 9000, "timeout");
    measured.open(999, 1001, "timeout");
    assert.deepEqual(measured.errorsByCause, { timeout: 1 });
  });
});
