import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  addSparse,
  bucketOf,
  bucketTop,
  HISTOGRAM_BUCKETS,
  summarise,
  toSparse,
} from "../../src/kit/latency-histogram.ts";

/** Values whose logarithm is spread evenly, the same in every run. */
function* spread(count: number, max: number): Generator<number> {
  let state = 12_345;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    yield Math.floor(Math.exp((state / 0x7fffffff) * Math.log(max)));
  }
}

describe("the latency histogram", () => {
  test("a bucket's top is at most 3.2 % above any value that falls into it, and never below", () => {
    for (const micros of spread(20_000, 0x7fffffff)) {
      const top = bucketTop(bucketOf(micros));
      assert.ok(top >= micros, `${micros} fell into a bucket that ends at ${top}`);
      assert.ok(top <= micros * 1.032, `${micros} is reported as ${top}`);
    }
  });

  test("buckets follow each other without a gap", () => {
    for (let bucket = 1; bucket < HISTOGRAM_BUCKETS - 32; bucket++) {
      const first = bucketTop(bucket - 1) + 1;
      assert.equal(bucketOf(first), bucket);
      assert.equal(bucketOf(bucketTop(bucket)), bucket);
    }
  });

  test("every number has a bucket, also a negative, a fractional and an endless one", () => {
    for (const micros of [-1, -0.5, 0, 0.4, 31.9, 2 ** 31, 2 ** 40, Infinity]) {
      const bucket = bucketOf(micros);
      assert.ok(Number.isInteger(bucket) && bucket >= 0 && bucket < HISTOGRAM_BUCKETS, `${micros} → ${bucket}`);
    }
  });

  test("quantiles are those of the values, within a bucket", () => {
    const counts = new Uint32Array(HISTOGRAM_BUCKETS);
    const values = [...spread(10_000, 10_000_000)];
    for (const micros of values) counts[bucketOf(micros)]!++;
    values.sort((a, b) => a - b);
    const summary = summarise(counts);
    assert.equal(summary.count, values.length);
    for (const [name, q] of [["p50Ms", 0.5] as const, ["p95Ms", 0.95] as const, ["p99Ms", 0.99] as const]) {
      const exact = values[Math.ceil(values.length * q) - 1]! / 1000;
      const told = summary[name]!;
      assert.ok(told >= exact && told <= exact * 1.032, `${name}: ${told}, exactly ${exact}`);
    }
  });

  test("one value is all of its quantiles", () => {
    const counts = new Uint32Array(HISTOGRAM_BUCKETS);
    counts[bucketOf(7)] = 1;
    assert.deepEqual(summarise(counts), { count: 1, p50Ms: 0.007, p95Ms: 0.007, p99Ms: 0.007 });
  });

  test("without values there are no quantiles", () => {
    const none = summarise(new Uint32Array(HISTOGRAM_BUCKETS));
    assert.deepEqual(none, { count: 0, p50Ms: null, p95Ms: null, p99Ms: null });
  });

  test("the sparse form carries the same counts, and adds up", () => {
    const counts = new Uint32Array(HISTOGRAM_BUCKETS);
    for (const micros of spread(500, 1_000_000)) counts[bucketOf(micros)]!++;
    const sum = new Float64Array(HISTOGRAM_BUCKETS);
    addSparse(sum, toSparse(counts));
    addSparse(sum, structuredClone(toSparse(counts)));
    assert.deepEqual(
      [...sum],
      Array.from(counts, (count) => count * 2),
    );
  });
});
