/** Whose code runs is known exactly, whatever it has started and awaited: nobody is linked, told or ended in its place. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { exit, schedulerThreads, send, spawn, type Pid, type Self } from "../../../src/actors/index.ts";
import { currentProcess } from "../../../src/actors/process/process.ts";
import { chatter, kinds, knower, orders, ways, type Known } from "../../fixtures/actors/identity.ts";
import { newPuppet, next } from "../support.ts";

const places = ["here", "on another thread"] as const;

async function placeOf(place: (typeof places)[number]): Promise<"here" | number> {
  return place === "here" ? "here" : (await schedulerThreads())[0]!;
}

for (const place of places) {
  describe(`an actor ${place}, beside others that exchange messages`, () => {
    let on: "here" | number = "here";
    let busy: Pid[] = [];
    before(async () => {
      on = await placeOf(place);
      const first = await spawn(chatter, [undefined], { on });
      busy = [first, await spawn(chatter, [first], { on })];
    });
    after(() => {
      for (const pid of busy) exit(pid, "kill");
    });

    for (const way of ways) {
      test(`is who is linked and who sends, after ${way}`, async () => {
        const gathering = await newPuppet();
        const pid = await spawn(knower, [way, gathering], { on });
        assert.deepEqual(await next(gathering), { linkedTo: [pid], sender: pid } satisfies Known);
      });
    }

    test("is known in every order in which two things can be started and awaited", async () => {
      const gathering = await newPuppet();
      await spawn(orders, [gathering], { on });
      const { tried, wrong } = await next(gathering);
      assert.deepEqual(wrong, []);
      assert.equal(tried, (kinds.length ** 2 - 1) * 4);
    });
  });
}

test("code that belongs to no actor is nobody's, also in the turn of one", async () => {
  const shared = Promise.withResolvers<void>();
  const seen = (async () => {
    await shared.promise;
    return currentProcess();
  })();
  await spawn(async (self: Self) => {
    shared.resolve();
    await self.receive({ timeoutMs: 1 });
  });
  assert.equal(await seen, undefined);
});

test("an actor is known in a match, though another actor has passed the turn on to it", async () => {
  const seen = Promise.withResolvers<unknown>();
  const pid = await spawn(async (self: Self) => {
    await self.receive(() => {
      seen.resolve(currentProcess());
      return true;
    });
  });
  await spawn(async (self: Self) => {
    send(pid, "look");
    await self.receive({ timeoutMs: 1 });
  });
  assert.equal(await seen.promise, pid);
});

test("what an actor has left behind belongs to it after its end, and links nobody", async () => {
  const outcome = Promise.withResolvers<unknown>();
  await spawn(async () => {
    setImmediate(() => {
      outcome.resolve(
        spawn(async () => {}, [], { link: true }).then(
          () => "linked",
          (error: { code: string }) => error.code,
        ),
      );
    });
  });
  assert.equal(await outcome.promise, "ACTOR_EXITED");
});
