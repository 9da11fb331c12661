import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { leftOut, type Seen } from "../../../src/tune/load/verdict.ts";

/** 10 in flight, 10 ms each: 1,000 a second. */
const GOOD: Seen = {
  seconds: 2,
  answers: 2000,
  errors: 0,
  generatorUtilization: 0.5,
  lateShare: 0,
  stealShare: 0,
  sentShare: 1,
  concurrency: 10,
  throughput: 1000,
  meanMs: 10,
};

describe("whether a sample counts", () => {
  it("does while nothing was seen that bends it", () => {
    assert.equal(leftOut(GOOD), undefined);
    assert.equal(
      leftOut({ ...GOOD, errors: 20, generatorUtilization: 0.9, stealShare: 0.02, sentShare: 0.98 }),
      undefined,
    );
  });

  const reasons: readonly [why: string, seen: Partial<Seen>, reason: string][] = [
    ["more than 1 % of the answers are bad", { errors: 21 }, "errors"],
    ["there is no good answer", { answers: 0, errors: 1, seconds: 0.1 }, "errors"],
    ["there is no answer at all for seconds", { answers: 0 }, "errors"],
    ["there is no answer in a short window", { answers: 0, seconds: 1.8 }, "littles-law"],
    ["the generator had no file or port left", { errors: 500, ownFaults: 500 }, "generator"],
    ["the server failed, and the generator hardly ever", { errors: 500, ownFaults: 5 }, "errors"],
    ["the generator was busy over 90 % of its time", { generatorUtilization: 0.91 }, "generator"],
    ["the generator sent over 1 % late", { lateShare: 0.02 }, "generator"],
    ["the hypervisor took CPU time away", { stealShare: 0.03 }, "steal"],
    ["under 98 % of the asked rate was sent", { sentShare: 0.97 }, "rate"],
    ["Little's law is off by over 5 %", { throughput: 940 }, "littles-law"],
    ["Little's law is off to the other side", { meanMs: 10.6 }, "littles-law"],
  ];
  for (const [why, seen, reason] of reasons) {
    it(`does not when ${why}`, () => assert.equal(leftOut({ ...GOOD, ...seen }), reason));
  }

  it("blames errors before the generator: a refusal is answered fast, and keeps the generator busy", () => {
    assert.equal(leftOut({ ...GOOD, errors: 5000, generatorUtilization: 1 }), "errors");
  });
});
