import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Line } from "../../src/arbiter/line.ts";

describe("a line", () => {
  function lineOf(...items: string[]): Line<string> {
    const line = new Line<string>();
    items.forEach((item, nowMs) => line.join(item, nowMs));
    return line;
  }

  test("is first come, first served; those who come back stand first, in their own order", () => {
    const line = lineOf("a", "b");
    line.joinFirst(["x", "y"], 9);
    assert.deepEqual(line.items, ["x", "y", "a", "b"]);
    assert.deepEqual(
      [line.next(), line.next(), line.next(), line.next(), line.next()],
      ["x", "y", "a", "b", undefined],
    );
  });

  test("lets those go who have waited for so long, wherever they stand, and nobody at 0", () => {
    const line = lineOf("a", "b", "c");
    line.joinFirst(["late"], 5);
    assert.deepEqual(line.takeOverdue(100, 0), []);
    assert.deepEqual(line.takeOverdue(11, 10), ["a", "b"]);
    assert.deepEqual(line.items, ["late", "c"]);
  });

  test("lets those go who are named, or all", () => {
    const line = lineOf("a", "b", "c");
    assert.deepEqual(line.take(new Set(["b", "z"])), ["b"]);
    assert.deepEqual(line.takeAll(), ["a", "c"]);
    assert.equal(line.length, 0);
  });
});
