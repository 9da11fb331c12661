import assert from "node:assert/strict";
import type { lookup, LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { test } from "node:test";
import { keptLookup } from "../../../../src/tune/load/http/addresses.ts";

const ADDRESSES: readonly LookupAddress[] = [
  { address: "::1", family: 6 },
  { address: "127.0.0.1", family: 4 },
];

/** Answers `a` only, and counts. */
function resolver(): { readonly resolve: typeof lookup; readonly asked: () => number } {
  let asked = 0;
  const resolve = (name: string, _options: unknown, callback: (error: Error | null, found: unknown) => void): void => {
    asked++;
    if (name === "a") callback(null, ADDRESSES);
    else callback(new Error("no such host"), undefined);
  };
  return { resolve: resolve as unknown as typeof lookup, asked: () => asked };
}

function ask(look: LookupFunction, name: string, all: boolean): Promise<unknown[]> {
  return new Promise((resolve) => look(name, { all }, (...answer) => resolve(answer)));
}

test("a name is looked up once for a while, in both forms that a socket may ask for", async () => {
  let nowMs = 0;
  const { resolve, asked } = resolver();
  const look = keptLookup(resolve, () => nowMs);
  for (let time = 0; time < 3; time++) assert.deepEqual(await ask(look, "a", true), [null, ADDRESSES]);
  assert.deepEqual(await ask(look, "a", false), [null, "::1", 6]);
  assert.equal(asked(), 1);
  nowMs = 60_000;
  await ask(look, "a", true);
  assert.equal(asked(), 2);
});

test("a failure is told, and not kept", async () => {
  const { resolve, asked } = resolver();
  const look = keptLookup(resolve);
  for (let time = 0; time < 2; time++) assert.match(String((await ask(look, "b", true))[0]), /no such host/);
  assert.equal(asked(), 2);
});
