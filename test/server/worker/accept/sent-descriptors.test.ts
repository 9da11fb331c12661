import assert from "node:assert/strict";
import { test } from "node:test";
import { COUNTER, LoadRow } from "../../../../src/supervise/load-board.ts";
import { SentDescriptors } from "../../../../src/server/worker/accept/sent-descriptors.ts";

for (const start of [0, 2 ** 31 - 40, 2 ** 32 - 40]) {
  test(`what a thread has not adopted comes back, in order: adopted before ${start}`, () => {
    const row = LoadRow.create();
    row.counters[COUNTER.adopted] = start;
    const sent = new SentDescriptors(row);
    const lie: number[] = [];
    for (let fd = 0; fd < 500; fd++) {
      sent.add(fd);
      lie.push(fd);
      // It is behind by up to fifty.
      if (fd % 50 === 49) {
        row.counters[COUNTER.adopted]! += 49;
        lie.splice(0, 49);
      }
    }
    assert.deepEqual(sent.takeBack(), lie);
    assert.deepEqual(sent.takeBack(), [], "once");
  });
}

test("more adopted than sent is an error", () => {
  const row = LoadRow.create();
  const sent = new SentDescriptors(row);
  sent.add(7);
  row.counters[COUNTER.adopted]! += 2;
  assert.throws(() => sent.takeBack(), { code: "INTERNAL", message: /adopted 2 connections, and 1 were on their way/ });
});
