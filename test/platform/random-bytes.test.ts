import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "../../src/platform/random-bytes.ts";

test("random bytes are as many as asked for, and others each time", () => {
  const taken = Array.from({ length: 100 }, () => randomBytes(16));
  for (const { length } of taken) assert.equal(length, 16);
  assert.equal(new Set(taken.map((bytes) => bytes.toString("hex"))).size, 100);
  assert.equal(randomBytes(0).length, 0);
});
