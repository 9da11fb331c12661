/** An operation is a promise like any other, also if it fails before anybody awaits it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("an operation that fails before it is awaited is one unhandled rejection, and none if it has a handler", async () => {
  const path = new URL("../../fixtures/tasks/early.ts", import.meta.url).pathname;
  // The timeout is patience.
  const { stdout } = await promisify(execFile)(process.execPath, [path], { timeout: 60_000 });
  const operations = ["acquire", "cond", "lock", "read lock", "receive", "send", "sleep", "wait", "write lock"];
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(lines, [
    [[], 9],
    [operations, 9],
  ]);
});
