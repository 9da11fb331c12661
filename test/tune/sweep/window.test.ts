import assert from "node:assert/strict";
import { test } from "node:test";
import { windowFor } from "../../../src/tune/sweep/window.ts";
import type { LeftOut, Level, Sample } from "../../../src/tune/types.ts";

const WINDOW_MS = 500;

interface More {
  readonly p95Ms?: number;
  readonly leftOut?: LeftOut;
  readonly answers?: number;
}

function level(concurrency: number, meanMs: number, more: More = {}): Level {
  const { p95Ms = meanMs, leftOut, answers = 100 } = more;
  const latency = { meanMs, p50Ms: meanMs, p95Ms, p99Ms: p95Ms, maxMs: p95Ms };
  const seconds = WINDOW_MS / 1000;
  const sample = {
    concurrency,
    seconds,
    answers,
    latency,
    ...(leftOut === undefined ? {} : { leftOut }),
  } as unknown as Sample;
  return { concurrency, samples: [sample] };
}

test("a window has two answers for each client, as slow as if the server were saturated, and thirty in all", () => {
  assert.equal(windowFor(1, [], WINDOW_MS).measureMs, WINDOW_MS);
  assert.equal(windowFor(2, [level(1, 50)], WINDOW_MS).measureMs, 15 * 100);
  assert.equal(windowFor(64, [level(32, 400)], WINDOW_MS).measureMs, 2 * 800);
  assert.equal(windowFor(64, [level(32, 40_000)], WINDOW_MS).measureMs, 8 * WINDOW_MS);
});

test("after one that was not steady it is longer: some clients waited for so long that their answers were not seen", () => {
  const steady = level(32, 50);
  const unsteady = level(64, 90, { p95Ms: 400, leftOut: "littles-law" });
  assert.equal(windowFor(64, [steady, unsteady], WINDOW_MS).measureMs, 2 * 2 * 400);
  assert.equal(windowFor(128, [steady, unsteady], WINDOW_MS).measureMs, 2 * 2 * 800);
  // Nothing is known of levels below, and a window that was left out for another reason says nothing.
  assert.equal(windowFor(32, [steady, unsteady], WINDOW_MS).measureMs, WINDOW_MS);
  assert.equal(
    windowFor(64, [steady, level(64, 90, { p95Ms: 400, leftOut: "steal" })], WINDOW_MS).measureMs,
    WINDOW_MS,
  );
});

test("after one without any answer it is so long that a server that hangs is told from a machine that does", () => {
  const silent = level(8, 0, { answers: 0, leftOut: "littles-law" });
  assert.equal(windowFor(8, [level(4, 10), silent], 250).measureMs, 2000);
  assert.equal(windowFor(8, [silent], 250).measureMs, 2000);
});
