import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { test } from "node:test";
import { type Entry, entryOfStack } from "../../../src/platform/node-internals/terminated.ts";

/** Where the callback of a timer, of an immediate, and a microtask behind it were entered. */
async function entries(): Promise<readonly Entry[]> {
  const seen: Entry[] = [];
  const { promise, resolve } = Promise.withResolvers<readonly Entry[]>();
  setTimeout(() => {
    seen.push(entryOfStack());
    setImmediate(() => {
      seen.push(entryOfStack());
      void Promise.resolve().then(() => {
        seen.push(entryOfStack());
        resolve(seen);
      });
    });
  }, 1);
  return await promise;
}

test("a stack says where it was entered, also in a program with async hooks", async () => {
  const expected = ["timer", "immediate", "elsewhere"];
  assert.deepEqual(await entries(), expected);
  const hook = createHook({ before() {}, after() {} }).enable();
  try {
    assert.deepEqual(await entries(), expected);
  } finally {
    hook.disable();
  }
});
