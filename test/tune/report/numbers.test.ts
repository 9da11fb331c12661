import assert from "node:assert/strict";
import { test } from "node:test";
import {
  gibibytes,
  inFlight,
  milliseconds,
  percent,
  perSecond,
  plain,
  timeSpan,
  requests,
} from "../../../src/tune/report/numbers.ts";

test("a number has three digits that count, and commas between thousands", () => {
  assert.deepEqual([12_341.4, 987.6, 63.44, 4.2, 0.4213, 0].map(plain), ["12,341", "988", "63.4", "4.2", "0.421", "0"]);
});

test("what is no number is shown as a dash", () => {
  assert.deepEqual([plain(Number.NaN), perSecond(Infinity)], ["–", "–"]);
});

test("a time from one second on is in seconds", () => {
  assert.deepEqual([0.42, 42, 999, 4200].map(milliseconds), ["0.42 ms", "42 ms", "999 ms", "4.2 s"]);
});

test("one request in flight is one", () => {
  assert.deepEqual([1, 1.04, 1.4, 1200].map(requests), ["1 request", "1 request", "1.4 requests", "1,200 requests"]);
});

test("requests in flight are whole from ten on", () => {
  assert.deepEqual([2.08, 9.96, 33.6, 8192].map(inFlight), ["2.1", "10", "34", "8,192"]);
});

test("a share below one per cent keeps a digit", () => {
  assert.deepEqual([0.934, 0.004, 0].map(percent), ["93 %", "0.4 %", "0 %"]);
});

test("a span of time has minutes from 60 seconds on, and is never negative", () => {
  assert.deepEqual([45, 120, 161, -3].map(timeSpan), ["45 s", "2 min", "2 min 41 s", "0 s"]);
});

test("memory is in GiB", () => {
  assert.equal(gibibytes(7.63 * 2 ** 30), "7.63 GiB");
});
