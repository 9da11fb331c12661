import assert from "node:assert/strict";
import { test } from "node:test";
import { whyUnusable } from "../../../src/tune/sweep/levels.ts";
import type { LeftOut, Sample } from "../../../src/tune/types.ts";

function why(...reasons: readonly (LeftOut | undefined)[]): LeftOut | undefined {
  const samples = reasons.map((leftOut) => (leftOut === undefined ? {} : { leftOut }) as Sample);
  return whyUnusable({ concurrency: 8, samples });
}

test("a level without a good window is unusable for the most frequent reason, for errors if others are as frequent", () => {
  assert.equal(why(), undefined);
  assert.equal(why("errors", undefined), undefined);
  assert.equal(why("steal", "littles-law", "steal"), "steal");
  assert.equal(why("littles-law", "errors"), "errors");
  assert.equal(why("errors", "littles-law"), "errors");
  assert.equal(why("littles-law", "errors", "littles-law"), "littles-law");
});
