import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { array, assert as holds, double, property } from "fast-check";
import { Histogram } from "../../../../src/tune/load/loops/histogram.ts";

/** From 0.1 µs to three minutes, log-uniform. */
const latency = double({ min: -4, max: 5.25, noNaN: true }).map((power) => 10 ** power);

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("the generator's histogram", () => {
  it("tells every percentile to 0.1 % or to 0.1 µs, and never too low", () => {
    holds(
      property(array(latency, { minLength: 1 }), double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(share * values.length) - 1)]!;
        const told = histogramOf(values).percentile(share);
        assert.ok(told >= exact * (1 - 1e-9), `${told} of ${exact}`);
        assert.ok(told <= exact * 1.001 + 0.0001 + 1e-9, `${told} of ${exact}`);
      }),
    );
  });

  it("knows count, mean and maximum exactly", () => {
    const histogram = histogramOf([1, 2, 9]);
    assert.equal(histogram.count, 3);
    assert.equal(histogram.meanMs, 4);
    assert.equal(histogram.maxMs, 9);
    assert.equal(histogram.percentile(1), 9);
  });

  it("is all zero before the first value", () => {
    const { count, meanMs, maxMs } = new Histogram();
    assert.deepEqual([count, meanMs, maxMs, new Histogram().percentile(0.99)], [0, 0, 0, 0]);
    assert.deepEqual(new Histogram().buckets(), []);
  });

  it("gives log-spaced buckets that hold every value at or below their bound and above the one before", () => {
    holds(
      property(array(latency), (values) => {
        const buckets = histogramOf(values).buckets();
        let below = 0;
        let total = 0;
        for (const [upToMs, count] of buckets) {
          assert.ok(upToMs > below);
          below = upToMs;
          total += count;
          const exact = values.filter((value) => value < upToMs).length;
          // A value that is a bound itself may be rounded up.
          assert.ok(Math.abs(total - exact) <= values.filter((value) => Math.abs(value - upToMs) < 0.0002).length);
        }
        assert.equal(total, values.length);
      }),
    );
  });

  it("takes what is longer than it can tell apart for the longest, and less than nothing for nothing", () => {
    const histogram = histogramOf([1e9, -5]);
    assert.equal(histogram.count, 2);
    assert.ok(histogram.percentile(1) >= 200_000);
    assert.ok(histogram.percentile(0.5) <= 0.0001);
  });
});
