/** Actors that others find by their name, and end, before they have begun. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exit, registry, spawn, via, whereis } from "../../../src/actors/index.ts";
import { puppet } from "../../fixtures/actors/puppet.ts";
import { counter } from "../../fixtures/actors/servers.ts";

const keys = registry("ended early");

/** As soon as this thread knows it: before whoever has registered it goes on. */
async function whenKnown(isKnown: () => boolean): Promise<void> {
  for (let tries = 1; !isKnown(); tries++) {
    if (tries % 100 === 0) await new Promise(setImmediate);
    else await Promise.resolve();
  }
}

test("a spawn of a named actor that is ended before it has begun fails with the reason", async () => {
  for (const actor of [counter, puppet]) {
    const failed = assert.rejects(spawn(actor as never, [1] as never, { name: "early" }), {
      code: "ACTOR_START_FAILED",
      reason: "killed",
    });
    await whenKnown(() => whereis("early") !== undefined);
    exit("early", "kill");
    await failed;
    assert.equal(whereis("early"), undefined);
  }
});

test("the same for an actor with a key of a registry", async () => {
  const failed = assert.rejects(spawn(counter, [1], { name: via(keys, "early") }), {
    code: "ACTOR_START_FAILED",
    reason: "shutdown",
  });
  await whenKnown(() => keys.whereis("early") !== undefined);
  exit(keys.whereis("early")!, "shutdown");
  await failed;
});
