import assert from "node:assert/strict";
import { test } from "node:test";
import { limitedBy } from "../../../src/tune/sweep/limited-by.ts";
import { play } from "./simulated.ts";

const level = { isRising: false };
const server = { knee: 4, answerMs: 5 };

test("a sweep that ended for want of a good window was limited by what spoilt it", async () => {
  for (const reason of ["generator", "errors"] as const) {
    const done = await play({ ...server, leftOut: (concurrency) => (concurrency > 2 ? reason : undefined) });
    assert.equal(limitedBy(done, level), reason);
  }
});

test("a sweep that found no roof was limited by nothing", async () => {
  assert.equal(
    limitedBy(await play({ knee: 1000, answerMs: 5 }, { rules: { largest: 32 } }), { isRising: true }),
    "nothing",
  );
});

test("a roof is the server's, unless it and the generator have used up the cores that they share", async () => {
  // The simulated generator uses 20 % of a core.
  const busy = await play({ ...server, serverCpus: 1.7 });
  assert.equal(limitedBy(busy, { ...level, sharedCores: 2 }), "cpu");
  assert.equal(limitedBy(busy, { ...level, sharedCores: 4 }), "server");
  assert.equal(limitedBy(busy, level), "server", "each has its own");
  assert.equal(limitedBy(await play({ ...server, serverCpus: 0.5 }), { ...level, sharedCores: 2 }), "server");
  assert.equal(limitedBy(await play(server), { ...level, sharedCores: 2 }), "server", "how much it uses isn't known");
});

test("errors beyond a knee that was found, to which only an SLO has led, did not limit it", async () => {
  const done = await play(
    { ...server, leftOut: (concurrency) => (concurrency > 32 ? "errors" : undefined) },
    { rules: { sloP95Ms: 10_000 } },
  );
  assert.equal(done.end, "errors");
  assert.equal(limitedBy(done, { ...level, hasKnee: true }), "server");
  assert.equal(limitedBy(done, { ...level, hasKnee: false }), "errors");
});
