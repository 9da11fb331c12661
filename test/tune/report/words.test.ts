import assert from "node:assert/strict";
import { test } from "node:test";
import { kneeSentence, sloSentence } from "../../../src/tune/report/words.ts";

test("a target that holds nowhere is told as that", () => {
  assert.match(sloSentence({ concurrency: 0, boundary: "slope" }, "50 ms"), /does not hold at any concurrency/);
});

test("a target that holds at every level that was tried is not said to end there", () => {
  assert.match(
    sloSentence({ concurrency: 64, boundary: "unseen" }, "50 ms"),
    /holds up to 64 .* No more were tried\.$/,
  );
});

test("a knee that was not reached because of errors is not said to be above them", () => {
  const knee = { notReached: true, seenUpTo: 19 } as const;
  assert.match(
    kneeSentence(knee, "errors"),
    /rose at 19 requests in flight\. With more, the server answered with errors/,
  );
  assert.match(kneeSentence(knee, "nothing"), /The knee is above it\.$/);
});
