import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorOf } from "../../../src/tune/run/anchor.ts";

const shape = { model: "loop", workers: 4, threads: 1 };
const computes = { route: "a", cpuMs: 10, waitMs: 20, longestBlockMs: 10 };

test("the anchor has the mean request, and as many servers as threads can run at once", () => {
  assert.deepEqual(anchorOf([computes], shape, 2), { responseMs: 30, serviceMs: 10, servers: 2 });
  assert.deepEqual(anchorOf([computes], shape, 8), { responseMs: 30, serviceMs: 10, servers: 4 });
  const light = { route: "b", cpuMs: 0, waitMs: 10, longestBlockMs: 0, weight: 3 };
  assert.deepEqual(anchorOf([computes, light], shape, 8), { responseMs: 15, serviceMs: 2.5, servers: 4 });
});

test("there is no anchor where requests take little CPU time, or it isn't known", () => {
  assert.equal(anchorOf([{ ...computes, cpuMs: 0.1 }], shape, 2), undefined);
  assert.equal(anchorOf([{ ...computes, cpuMs: NaN, waitMs: NaN }], shape, 2), undefined);
  assert.equal(anchorOf([], shape, 2), undefined);
});
