import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PendingQueue } from "../../../../src/server/arbiter/accept/pending-queue.ts";

describe("a line", () => {
  function lineOf(...items: string[]): PendingQueue<string> {
    const line = new PendingQueue<string>();
    items.forEach((item, nowMs) => line.join(line.draw(item, nowMs)));
    return line;
  }

  test("is first come, first served; those who come back stand where they stood", () => {
    const line = lineOf("a", "b", "c", "d");
    const [a, b, c] = [line.next()!, line.next()!, line.next()!];
    for (const ticket of [b, a]) line.join(ticket);
    assert.deepEqual(line.items, ["a", "b", "d"]);
    line.join(c);
    const served = Array.from({ length: 5 }, () => line.next()?.item);
    assert.deepEqual(served, ["a", "b", "c", "d", undefined]);
  });

  test("lets those go who have waited for so long, wherever they stand, and nobody at 0", () => {
    const line = lineOf("a", "b", "c");
    line.join({ ...line.draw("late", 5), number: -1 });
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
