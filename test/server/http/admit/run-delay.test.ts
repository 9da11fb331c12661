import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RunDelay } from "../../../../src/server/http/admit/run-delay.ts";

describe("the time that a thread has waited for a processor", () => {
  /** Samples at 0, 500, …, the last one at `untilMs`, while the thread waits for a tenth of the time. */
  function sampled(untilMs: number): { delay: RunDelay; waits: (ms: number) => void } {
    let delayMs = 0;
    const delay = new RunDelay(() => delayMs);
    for (let atMs = 0; atMs <= untilMs; atMs += 500) {
      delay.note(atMs);
      delayMs += 50;
    }
    return { delay, waits: (ms) => (delayMs += ms) };
  }

  test("is told since the sample before", () => {
    const { delay, waits } = sampled(1000);
    waits(30);
    assert.equal(delay.inLastMs(200, 1200), 80);
    assert.equal(delay.inLastMs(201, 1200), 130);
    assert.equal(delay.inLastMs(700, 1200), 130);
    assert.equal(delay.inLastMs(701, 1200), 180);
  });

  test("is told since the oldest sample if there is none before", () => {
    assert.equal(sampled(1000).delay.inLastMs(5000, 1200), 150);
    assert.equal(sampled(60_000).delay.inLastMs(50_000, 60_000), 400);
    assert.equal(new RunDelay(() => 7).inLastMs(10, 20), 0);
  });

  test("is a number that grows, as this system tells it", () => {
    const delay = new RunDelay();
    delay.note(0);
    assert.ok(delay.inLastMs(0, 0) >= 0);
  });
});
