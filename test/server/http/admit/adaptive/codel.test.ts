import assert from "node:assert/strict";
import { test } from "node:test";
import { CoDel } from "../../../../../src/server/http/admit/adaptive/codel.ts";
import { targetMs } from "../../../../../src/server/http/admit/adaptive/queue-target.ts";

const TARGET_MS = 5;

/** Every 10 ms a request that finds this delay. */
function observe(codel: CoDel, fromMs: number, untilMs: number, delayMs: (nowMs: number) => number): void {
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 10) {
    codel.arrived(delayMs(nowMs) === 0);
    codel.observe(delayMs(nowMs), nowMs, TARGET_MS);
    if (delayMs(nowMs) > codel.patienceMs(TARGET_MS)) codel.shed();
  }
}

test("a queue that is never short for a whole interval stands; a burst does not", () => {
  const burst = new CoDel();
  observe(burst, 0, 1000, (nowMs) => (nowMs % 100 < 80 ? 50 : 0));
  assert.equal(burst.overloaded, false);
  assert.equal(burst.patienceMs(TARGET_MS), Infinity);
  const standing = new CoDel();
  observe(standing, 0, 250, () => 6);
  assert.equal(standing.overloaded, true);
  assert.equal(standing.patienceMs(TARGET_MS), 10);
});

test("the overload goes on while requests are shed, though the queue empties by chance", () => {
  const codel = new CoDel();
  observe(codel, 0, 300, () => 20);
  observe(codel, 300, 1000, (nowMs) => (nowMs % 50 === 0 ? 0 : 20));
  assert.equal(codel.overloaded, true);
});

test("it is over when nobody is shed any more, or when a third need not wait, or when nobody comes", () => {
  for (const delayMs of [() => 4, (nowMs: number) => (nowMs % 20 === 0 ? 0 : 20), () => Infinity]) {
    const codel = new CoDel();
    observe(codel, 0, 300, () => 20);
    assert.equal(codel.overloaded, true);
    if (delayMs(0) === Infinity)
      for (let nowMs = 300; nowMs < 600; nowMs += 25) codel.observe(Infinity, nowMs, TARGET_MS);
    else observe(codel, 300, 600, delayMs);
    assert.equal(codel.overloaded, false);
  }
});

test("an interval that began when hardly anybody came ends by the target of an overload that follows", () => {
  const codel = new CoDel();
  // One answer a second: the target is 500 ms, and an interval 10 s.
  for (let nowMs = 0; nowMs <= 10_100; nowMs += 25) codel.observe(Infinity, nowMs, 500);
  observe(codel, 10_125, 10_375, () => 20);
  assert.equal(codel.overloaded, true);
});

test("the target is 5 ms, less where answers take less than 10, and more where slots come free rarely", () => {
  assert.equal(targetMs({ answers: 1000, lengthMs: 1000 }, 25), 5);
  assert.equal(targetMs({ answers: 1000, lengthMs: 1000 }, 6), 3);
  assert.equal(targetMs({ answers: 1000, lengthMs: 1000 }, 0.2), 2);
  assert.equal(targetMs({ answers: 4, lengthMs: 1000 }, 250), 125);
});
