/** Contexts when the wall clock is set. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Context } from "../../../src/tasks/index.ts";

test("a context's timeout is as long as it was to be, also if the wall clock is set back meanwhile", async (t) => {
  const context = Context.background().withTimeout(20);
  const child = context.withTimeout(60_000);
  const { now } = Date;
  t.mock.method(Date, "now", () => now() - 3_600_000);
  const isLate = new Promise((resolve) => setTimeout(resolve, 10_000, "late").unref());
  assert.notEqual(await Promise.race([child.done.receive(), isLate]), "late");
  assert.equal(context.error?.code, "DEADLINE_EXCEEDED");
});

test("a context's deadline is a time of the wall clock", async (t) => {
  const { now } = Date;
  const context = Context.background().withDeadline(now() + 20);
  const set = t.mock.method(Date, "now", () => now() - 3_600_000);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(context.error, undefined);
  set.mock.restore();
  context.cancel();
});
