import assert from "node:assert/strict";
import { test } from "node:test";
import { sloSentence } from "../../../src/tune/report/words.ts";

test("a target that holds nowhere is told as that", () => {
  assert.match(sloSentence({ concurrency: 0, boundary: "slope" }, "50 ms"), /does not hold at any concurrency/);
});

test("a target that holds at every level that was tried is not said to end there", () => {
  assert.match(
    sloSentence({ concurrency: 64, boundary: "unseen" }, "50 ms"),
    /holds up to 64 .* No more were tried\.$/,
  );
});
