/** Contexts when the wall clock is set. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Context } from "../../../src/tasks/index.ts";

const { now } = Date;
const ways = {
  timeout: (ms: number) => Context.background().withTimeout(ms),
  deadline: (ms: number) => Context.background().withDeadline(now() + ms),
};

for (const [what, within] of Object.entries(ways)) {
  test(`a context's ${what} comes in time, also if the wall clock is set back meanwhile`, async (t) => {
    const context = within(20);
    const child = context.withTimeout(60_000);
    t.mock.method(Date, "now", () => now() - 3_600_000);
    const isLate = new Promise((resolve) => setTimeout(resolve, 10_000, "late").unref());
    assert.notEqual(await Promise.race([child.done.receive(), isLate]), "late");
    assert.equal(context.error?.code, "DEADLINE_EXCEEDED");
  });
}
