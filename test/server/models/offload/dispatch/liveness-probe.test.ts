import assert from "node:assert/strict";
import { test } from "node:test";
import { LivenessProbe } from "../../../../../src/server/models/offload/dispatch/liveness-probe.ts";

/** Looks every `paceMs` from `fromMs` on, until `toMs`. */
function watch(signs: LivenessProbe, fromMs: number, toMs: number, paceMs = 25): boolean {
  let missing = false;
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += paceMs) {
    signs.look(nowMs);
    missing = signs.areMissing(nowMs);
  }
  return missing;
}

test("a thread that was asked nothing owes nothing", () => {
  assert.equal(watch(new LivenessProbe(), 1000, 100_000), false);
});

test("a thread that does not answer for a quarter of a second is deaf, and not before", () => {
  const signs = new LivenessProbe();
  assert.equal(signs.asked(1000), true);
  assert.equal(watch(signs, 1000, 1225), false);
  assert.equal(watch(signs, 1250, 1250), true);
});

test("a second question does not give it more time", () => {
  const signs = new LivenessProbe();
  signs.asked(1000);
  watch(signs, 1000, 1225);
  assert.equal(signs.asked(1230), false);
  assert.equal(watch(signs, 1250, 1250), true);
});

test("whatever it says is a sign of life, and the next question counts anew", () => {
  const signs = new LivenessProbe();
  signs.asked(1000);
  watch(signs, 1000, 1200);
  signs.heard();
  assert.equal(watch(signs, 1225, 5000), false);
  assert.equal(signs.lastMs, 1225);
  assert.equal(signs.asked(5000), true);
  assert.equal(watch(signs, 5000, 5225), false);
  assert.equal(watch(signs, 5250, 5250), true);
});

test("where the looks themselves come late, the thread has more time", () => {
  const signs = new LivenessProbe();
  signs.asked(1000);
  assert.equal(watch(signs, 1200, 2400, 200), false);
  assert.equal(watch(signs, 2600, 2600), true);
});
