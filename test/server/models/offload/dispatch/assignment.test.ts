import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  assign,
  assignTask,
  average,
  PATIENCE_MS,
  patienceMs,
  sendsAhead,
  SHORT_DEPTH,
} from "../../../../../src/server/models/offload/dispatch/assignment.ts";

const LONG_MS = 20;
const SHORT_MS = 0.05;

describe("assignment to handler threads", () => {
  test("a long handler is never put behind another", () => {
    assert.deepEqual(assign([1, 0, 0], LONG_MS, 2), { to: 1, how: "idle" });
    assert.equal(assign([1, 1, 1], LONG_MS, 2), "wait");
    assert.equal(assign([], LONG_MS, 2), "wait");
  });

  test("short handlers share as many threads as there are CPUs, then wake others, then wait", () => {
    assert.deepEqual(assign([1, 2, 0], SHORT_MS, 2), { to: 0, how: "behind" });
    assert.deepEqual(assign([0, 0, 0], SHORT_MS, 2), { to: 0, how: "idle" });
    assert.deepEqual(assign([SHORT_DEPTH, SHORT_DEPTH, 0], SHORT_MS, 2), { to: 2, how: "idle" });
    assert.equal(assign([SHORT_DEPTH, SHORT_DEPTH], SHORT_MS, 2), "wait");
  });

  test("only where the way of the next request would be felt is one sent ahead", () => {
    assert.deepEqual(
      [SHORT_MS, 1, LONG_MS, 100, 101].map((ms) => sendsAhead(ms)),
      [false, true, true, true, false],
    );
  });

  test("a request may lie behind one of its kind for as long as that takes, and behind short ones a moment", () => {
    assert.equal(patienceMs(SHORT_MS), PATIENCE_MS);
    assert.equal(patienceMs(1), PATIENCE_MS);
    assert.ok(patienceMs(LONG_MS) > LONG_MS && patienceMs(LONG_MS) <= 2 * LONG_MS);
  });

  test("a task goes to the thread with the fewest, the lowest slot of them, and to none that takes none", () => {
    assert.deepEqual([assignTask([3, 1, 1]), assignTask([0, 0]), assignTask([Infinity, 500, Infinity])], [1, 0, 1]);
    assert.deepEqual([assignTask([Infinity, Infinity]), assignTask([])], [-1, -1]);
  });

  test("one long run is believed at once, and forgotten slowly", () => {
    assert.equal(average(SHORT_MS, LONG_MS), LONG_MS);
    assert.ok(average(LONG_MS, SHORT_MS) > LONG_MS * 0.9);
  });
});
