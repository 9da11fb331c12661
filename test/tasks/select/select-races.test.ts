/** Selects whose channels are used by others meanwhile, and whose choice must be fair. The rules are Go's. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, go, receiveFrom, select, sendTo, setSchedulerThreads } from "../../../src/tasks/index.ts";
import { newChannel } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

const here = async (capacity: number): Promise<Channel<number>> => new Channel<number>(capacity);
const there = async (capacity: number): Promise<Channel<number>> => await go(newChannel, capacity, []);

type Make = (capacity: number) => Promise<Channel<number>>;
const places: readonly (readonly [string, Make, Make])[] = [
  ["both here", here, here],
  ["one here, one on another thread", here, there],
  ["one on another thread, one here", there, here],
  ["both on other threads", there, there],
];

describe("a select that sends on a channel that is closed meanwhile", () => {
  for (const [where, makeNear, makeFar] of places) {
    for (const timeoutMs of [undefined, 60_000, 0]) {
      test(`fails, ${where}, with a timeout of ${timeoutMs}`, async () => {
        const far = await makeFar(0);
        for (let turns = 0; turns < 8; turns++) {
          const near = await makeNear(0);
          const cases = [sendTo(near, 1), receiveFrom(far)];
          const selected = select(
            turns % 2 === 0 ? cases : cases.toReversed(),
            timeoutMs === undefined ? {} : { timeoutMs },
          );
          const failed = assert.rejects(selected, ({ code }: { code?: string }) =>
            // It may have been over before the close.
            timeoutMs === 0 ? code === "CHANNEL_CLOSED" || code === "SELECT_TIMEOUT" : code === "CHANNEL_CLOSED",
          );
          for (let turn = 0; turn < turns >> 1; turn++) await new Promise(setImmediate);
          await near.close();
          await failed;
        }
      });
    }
  }
});

for (const [where, makeFirst, makeSecond] of places) {
  for (const second of ["gets a value", "is closed"] as const) {
    // The runtime's own test of Go: TestNonblockSelectRace and TestNonblockSelectRace2.
    test(`otherwise never runs while some case is ready: ${where}, the second ${second}`, async () => {
      for (let round = 0; round < 200; round++) {
        const [first, later] = [await makeFirst(1), await makeSecond(1)];
        await first.send(1);
        const cases = [receiveFrom(first, () => true), receiveFrom(later, () => true)];
        const selected = go(() => select(round % 2 === 0 ? cases : cases.toReversed(), { otherwise: () => false }));
        if (second === "is closed") await later.close();
        else await later.send(1);
        await first.tryReceive();
        assert.equal(await selected, true, `round ${round}`);
      }
    });
  }
}

test("otherwise does not run if the first case is ready until the second is, and the select asks the second too early", async () => {
  for (let round = 0; round < 40; round++) {
    const [first, later] = [await here(1), await there(1)];
    await first.send(1);
    const selected = select([receiveFrom(first, () => "first"), receiveFrom(later, () => "later")], {
      otherwise: () => "none",
    });
    void later.send(1);
    // After what the select has asked, and the send, have left. The answers are read later.
    await new Promise<void>((resolve) =>
      process.nextTick(() => {
        while (later.length === 0 && first.length === 1);
        void first.tryReceive();
        resolve();
      }),
    );
    assert.notEqual(await selected, "none", `round ${round}`);
  }
});

test("otherwise runs across threads if nothing is ready, and leaves no waiter behind", async () => {
  const channels = [await here(0), await there(0), await there(0)];
  const cases = channels.flatMap((channel) => [
    receiveFrom(channel, () => "received"),
    sendTo(channel, 1, () => "sent"),
  ]);
  assert.equal(await select(cases, { otherwise: () => "none" }), "none");
  for (const channel of channels) {
    assert.equal(await channel.trySend(2), false);
    assert.equal(await channel.tryReceive(), undefined);
  }
});

for (const [where, make] of [
  ["here", here],
  ["on another thread", there],
] as const) {
  test(`a select that waits twice for one channel ${where} lets both cases happen about as often`, async () => {
    const channel = await make(0);
    const rounds = 600;
    const counts = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const selected = select([receiveFrom(channel, () => 0), receiveFrom(channel, () => 1)]);
      await channel.send(1);
      counts[await selected]!++;
    }
    assert.ok(Math.min(...counts) > rounds * 0.35, counts.join());
  });
}

test("cases that are ready have equal chances, however many others are idle, wherever they are", async () => {
  for (const [first, second, idle] of [
    [here, there, there],
    [there, here, here],
    [there, there, there],
  ]) {
    const ready = [await first!(1), await second!(1)];
    // On the same threads as the ready ones, mostly the second's.
    const others = await Promise.all(Array.from({ length: 6 }, () => idle!(1)));
    const rounds = 600;
    const counts = [0, 0];
    for (const channel of ready) await channel.send(1);
    for (let round = 0; round < rounds; round++) {
      const chosen = await select([
        ...ready.map((channel, index) => receiveFrom(channel, () => index)),
        ...others.map((channel) => receiveFrom(channel, () => -1)),
      ]);
      counts[chosen]!++;
      await ready[chosen]!.send(1);
    }
    assert.ok(Math.min(...counts) > rounds * 0.38, counts.join());
  }
});

describe("select refuses, with what it should be:", () => {
  const channel = new Channel<number>();
  for (const [what, call, message] of [
    ["no array", () => select(undefined as never), "select() needs an array of cases, and got undefined."],
    ["a channel as a case", () => select([channel] as never), /^case 0 of a select must come from receiveFrom\(\)/],
    ["null as a case", () => select([receiveFrom(channel), null] as never), /^case 1 of a select .* and is null\.$/],
    ["no options", () => select([], null as never), "the options of a select must be an object, and are null."],
    ["a value as otherwise", () => select([], { otherwise: 1 as never }), /otherwise of a select must be a function/],
    ["an object as a channel", async () => receiveFrom({} as never), /^receiveFrom\(\) needs a channel, or undefined/],
    ["a number as a channel", async () => sendTo(7 as never, 1), "sendTo() needs a channel, or undefined, and got 7."],
    ["null as a channel", async () => sendTo(null as never, 1), /and got null\.$/],
    [
      "a value as a function",
      async () => receiveFrom(channel, 5 as never),
      /^receiveFrom\(\) needs a function, and got 5/,
    ],
  ] as const) {
    test(what, () => assert.rejects(call, { code: "TASK_INVALID", message }));
  }
});
