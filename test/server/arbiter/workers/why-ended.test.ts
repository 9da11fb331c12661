import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { whyEnded } from "../../../../src/server/arbiter/workers/why-ended.ts";

const TERMINATED = { code: 143, signal: null, startError: undefined };

describe("why a worker has ended", () => {
  it("takes code 143 of a worker that was not ready for its SIGTERM", () => {
    const error = whyEnded({ pid: 7, isAppProcess: true, wasReady: false }, TERMINATED);
    assert.equal(error.message, "worker 7 got a SIGTERM before it was ready, and has ended");
  });

  it("takes code 143 of a worker that served for the app's own", () => {
    const error = whyEnded({ pid: 7, isAppProcess: true, wasReady: true }, TERMINATED);
    assert.equal(error.message, "the app ended worker 7 itself (process.exit(143))");
  });
});
