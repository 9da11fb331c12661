import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRow, ROW } from "../../../../../src/server/http/admit/adaptive/memory.ts";
import { Windows } from "../../../../../src/server/http/admit/adaptive/windows.ts";
import type { Window } from "../../../../../src/server/http/admit/adaptive/limiter.ts";

/** `perSecond` answers that take `meanMs`, looked at every 25 ms. */
function watch(
  windows: Windows,
  totals: Float64Array,
  fromMs: number,
  untilMs: number,
  perSecond: number,
  meanMs = 10,
): Window[] {
  const found: Window[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 25) {
    const answers = perSecond / 40;
    totals[ROW.answers]! += answers;
    totals[ROW.answerMs]! += answers * meanMs;
    totals[ROW.inFlight]! += answers * 7;
    totals[ROW.arrivals]! += 2 * answers;
    totals[ROW.foundFull]! += answers;
    const window = windows.look(totals, nowMs);
    if (window !== undefined) found.push(window);
  }
  return found;
}

test("a window tells the answers, their time, the requests in flight, and how often the limit was reached", () => {
  const windows = watch(new Windows(), emptyRow(), 0, 2000, 800);
  const window = windows.at(-1)!;
  assert.equal(window.slotMs, 125);
  assert.equal(Math.round((window.answers * 1000) / window.lengthMs), 800);
  assert.deepEqual([window.meanMs, window.inFlight, window.fullShare, window.shed], [10, 7, 0.5, 0]);
  assert.equal(window.next, window.slot + 1);
});

test("the beginning of a slot is not measured: those answers began under the limit before", () => {
  const window = watch(new Windows(), emptyRow(), 0, 2000, 800, 30).at(-1)!;
  assert.ok(window.lengthMs <= 100, `${window.lengthMs} of ${window.slotMs} ms`);
});

test("slots are as long as it takes for enough answers, and for four times the time of one", () => {
  assert.equal(watch(new Windows(), emptyRow(), 0, 30_000, 20).at(-1)!.slotMs, 1000);
  assert.equal(watch(new Windows(), emptyRow(), 0, 30_000, 2000, 200).at(-1)!.slotMs, 1000);
});

test("workers that are loaded alike have the same slots, whenever they have begun", () => {
  const early = watch(new Windows(), emptyRow(), 0, 20_000, 50).at(-1)!;
  const late = watch(new Windows(), emptyRow(), 7300, 20_000, 51).at(-1)!;
  assert.deepEqual([early.slot, early.slotMs], [late.slot, late.slotMs]);
});

test("a slot ends early when the app has become much faster", () => {
  const windows = new Windows();
  const totals = emptyRow();
  watch(windows, totals, 0, 60_000, 1);
  const first = watch(windows, totals, 60_000, 64_000, 800)[0]!;
  assert.ok(first.endMs < 62_000, `${first.endMs}`);
  assert.ok(first.answers >= 16);
});

test("without answers there is no window, and the slots become longer if requests wait for some", () => {
  const windows = new Windows();
  const totals = emptyRow();
  for (let nowMs = 0; nowMs < 3000; nowMs += 25) {
    totals[ROW.arrivals]!++;
    assert.equal(windows.look(totals, nowMs), undefined);
  }
});
