/** A program with actors ends by itself when no work is left, and not before. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

for (const [fixture, says] of [
  ["end-parked.ts", "parked, here and there\n"],
  ["end-waiting.ts", "late answer\nlate receive\n"],
  ["end-supervised.ts", "supervised on 2 threads\n"],
  ["end-called.ts", "all answered\n"],
  ["end-timeout.ts", "ACTOR_CALL_TIMEOUT\n"],
] as const) {
  test(`${fixture}: says all it has to say, and ends`, async () => {
    const file = new URL(`../fixtures/actors/${fixture}`, import.meta.url).pathname;
    const { stdout, stderr } = await run(process.execPath, [file], { timeout: 30_000 });
    assert.deepEqual([stdout, stderr], [says, ""]);
  });
}
