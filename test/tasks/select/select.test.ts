import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, go, receiveFrom, select, sendTo, sleep } from "../../../src/tasks/index.ts";
import { selects } from "../../fixtures/tasks/movable.ts";
import { channelKinds } from "../channels.ts";

const [, remote] = channelKinds;

/** Where the two channels of a select live. */
const pairs: readonly {
  readonly kind: string;
  readonly rounds: number;
  readonly make: (capacity: number, values?: readonly number[]) => Promise<[Channel<number>, Channel<number>]>;
}[] = [
  ...channelKinds.map(({ kind, make }) => ({
    kind,
    rounds: kind === "within a thread" ? 10_000 : 2000,
    make: async (capacity: number, values?: readonly number[]): Promise<[Channel<number>, Channel<number>]> => [
      await make(capacity, values),
      await make(capacity, values),
    ],
  })),
  {
    kind: "one here and one on another thread",
    rounds: 2000,
    make: async (capacity, values = []) => {
      const here = new Channel<number>(capacity);
      for (const value of values) await here.send(value);
      return [here, await remote!.make(capacity, values)];
    },
  },
];

for (const { kind, rounds, make } of pairs) {
  describe(`select, ${kind}`, () => {
    test("lets the case happen that is ready", async () => {
      const [a, b] = await make(1);
      await b.send(7);
      assert.equal(
        await select([receiveFrom(a, () => "a"), receiveFrom(b, (value, ok) => `b ${value} ${ok}`)]),
        "b 7 true",
      );
      assert.equal(b.length, 0);
    });

    test("waits until one can, and lets only that one happen", async () => {
      const [a, b] = await make(0);
      const selected = select([receiveFrom(a, (value) => value), sendTo(b, 5, () => "sent")]);
      await a.send(3);
      assert.equal(await selected, 3);
      assert.equal(await b.tryReceive(), undefined, "the other case did not happen");
      const sent = select([receiveFrom(a, (value) => value), sendTo(b, 5, () => "sent")]);
      assert.deepEqual(await b.receive(), { value: 5, ok: true });
      assert.equal(await sent, "sent");
      assert.equal(await a.trySend(9), false, "nobody waits for it any more");
    });

    test("runs otherwise only if no case is ready", async () => {
      const [a, b] = await make(1);
      const cases = [receiveFrom(a, () => "a"), receiveFrom(b, () => "b")];
      assert.equal(await select(cases, { otherwise: () => "none" }), "none");
      await a.send(1);
      assert.equal(await select(cases, { otherwise: () => "none" }), "a");
    });

    test("takes closed channels as ready, and fails to send on them", async () => {
      const [a, b] = await make(0);
      await a.close();
      assert.deepEqual(await select([receiveFrom(a, (value, ok) => [value, ok]), receiveFrom(b)]), [undefined, false]);
      await assert.rejects(select([sendTo(a, 1), receiveFrom(b)]), { code: "CHANNEL_CLOSED" });
      const waiting = assert.rejects(select([sendTo(b, 1)]), { code: "CHANNEL_CLOSED" });
      await b.close();
      await waiting;
    });

    test("never chooses a nil channel", async () => {
      const [a] = await make(1);
      await a.send(1);
      const cases = [
        receiveFrom(undefined, () => "nil"),
        sendTo(Channel.nil, 1 as never, () => "nil"),
        receiveFrom(a, () => "a"),
      ];
      assert.equal(await select(cases), "a");
    });

    test("gives up after its timeout, and then takes nothing any more", async () => {
      const [a, b] = await make(0);
      await assert.rejects(select([receiveFrom(a), sendTo(b, 1)], { timeoutMs: 1 }), { code: "SELECT_TIMEOUT" });
      assert.equal(await select([receiveFrom(a, () => "a")], { timeoutMs: 1, otherwise: () => "late" }), "late");
      assert.equal(await a.trySend(1), false);
      assert.equal(await b.tryReceive(), undefined);
    });

    test("may name the same channel twice, and never meets itself", async () => {
      const [a] = await make(0);
      const selected = select([sendTo(a, 1, () => "sent"), receiveFrom(a, (value) => value)]);
      await a.send(2);
      assert.equal(await selected, 2);
      const again = select([sendTo(a, 1, () => "sent"), receiveFrom(a, (value) => value), receiveFrom(a)]);
      assert.equal((await a.receive()).value, 1);
      assert.equal(await again, "sent");
    });

    test("chooses uniformly among the cases that are ready", async () => {
      const [a, b] = await make(1, [1]);
      let chosenA = 0;
      for (let round = 0; round < rounds; round++) {
        const chosen = await select([receiveFrom(a, () => a), receiveFrom(b, () => b)]);
        if (chosen === a) chosenA++;
        await chosen.send(1);
      }
      assert.ok(chosenA > 0.4 * rounds && chosenA < 0.6 * rounds, `${chosenA} of ${rounds}`);
    });

    test("chooses uniformly among three cases as well, wherever their channels are", async () => {
      const channels = [...(await make(1, [1])), (await make(1, [1]))[0]];
      const chosen = channels.map(() => 0);
      for (let round = 0; round < 1500; round++) {
        const index = await select(channels.map((channel, index) => receiveFrom(channel, () => index)));
        chosen[index]!++;
        await channels[index]!.send(1);
      }
      // A third each; a hundred more or less is more than five times the deviation to be expected.
      for (const times of chosen) assert.ok(times > 400 && times < 600, chosen.join(", "));
    });
  });
}

test("select without cases waits for its timeout", async () => {
  await assert.rejects(select([], { timeoutMs: 1 }), { code: "SELECT_TIMEOUT" });
  assert.equal(await select([], { otherwise: () => "otherwise" }), "otherwise");
});

test("select waits for ever without cases, and with nil channels only", async () => {
  const nothing = [receiveFrom(undefined), receiveFrom(Channel.nil), sendTo(Channel.nil, 1 as never)];
  let settled = 0;
  for (const cases of [[], nothing]) void select(cases).finally(() => settled++);
  await assert.rejects(select(nothing, { timeoutMs: 1 }), { code: "SELECT_TIMEOUT" });
  await new Promise(setImmediate);
  assert.equal(settled, 0);
});

test("select evaluates its operands once, in source order", async () => {
  const order: string[] = [];
  const named = (name: string): Channel<string> => {
    order.push(name);
    return new Channel<string>(1);
  };
  const value = (name: string): string => {
    order.push(name);
    return name;
  };
  await select([sendTo(named("a"), value("b")), receiveFrom(named("c")), sendTo(named("d"), value("e"))]);
  assert.deepEqual(order, ["a", "b", "c", "d", "e"]);
});

test("select gives what its function gives, and fails with what it throws", async () => {
  const channel = new Channel<number>(2);
  await channel.send(1);
  await channel.send(2);
  assert.equal(await select([receiveFrom(channel, async () => "later")]), "later");
  const thrown = new Error("on purpose");
  await assert.rejects(
    select([
      receiveFrom(channel, () => {
        throw thrown;
      }),
    ]),
    thrown,
  );
});

for (const [kind, homes] of [
  ["on channels of this thread", ["here", "here"]],
  ["on channels of another thread", ["there", "there"]],
  ["on channels of both", ["here", "there"]],
] as const) {
  test(`selects that face each other on several threads let exactly one case happen each: ${kind}`, async () => {
    const rounds = 300;
    const [a, b] = (await Promise.all(
      homes.map(async (home) => (home === "here" ? new Channel<number>() : remote!.make(0))),
    )) as [Channel<number>, Channel<number>];
    const theirs = [go(selects, a, b, rounds, 10_000), go(selects, b, a, rounds, 20_000)];
    const mine: { received: number[]; sent: number[] } = { received: [], sent: [] };
    const state = { over: false };
    const play = async (): Promise<void> => {
      for (let value = 0; !state.over; value++) {
        await select(
          [
            sendTo(a, value, () => void mine.sent.push(value)),
            sendTo(b, value, () => void mine.sent.push(value)),
            receiveFrom(a, (got, ok) => void (ok && mine.received.push(got))),
            receiveFrom(b, (got, ok) => void (ok && mine.received.push(got))),
          ],
          { timeoutMs: 20, otherwise: () => undefined },
        );
      }
    };
    const playing = play();
    const results = await Promise.all(theirs);
    state.over = true;
    await playing;
    const sent = [...mine.sent, ...results.flatMap((result) => result.sent)];
    const received = [...mine.received, ...results.flatMap((result) => result.received)];
    assert.deepEqual(
      received.toSorted((x, y) => x - y),
      sent.toSorted((x, y) => x - y),
      "each value once",
    );
    for (const { sent: own, received: got } of results) assert.equal(own.length + got.length, rounds);
  });
}

test("a select whose case has happened leaves nothing behind in the other queues", async () => {
  const [a, b] = [new Channel<number>(), new Channel<number>()];
  for (let round = 0; round < 100; round++) {
    const selected = select([receiveFrom(a), receiveFrom(b)]);
    await a.send(round);
    await selected;
  }
  assert.equal(b.trySend(1), false);
  await sleep(0);
});

test("a select fails if one of its channels is closed while the other threads are asked, and does not wait for ever", async () => {
  const other = await remote!.make(0);
  for (let round = 0; round < 20; round++) {
    const here = new Channel<number>();
    const selected = select([sendTo(here, 1), receiveFrom(other)]);
    void here.close();
    await assert.rejects(selected, { code: "CHANNEL_CLOSED" });
  }
});

test("a loop that polls with `otherwise` lets timers and other tasks run", async () => {
  const channel = new Channel<string>(1);
  await go(async () => {
    setImmediate(() => void channel.send("from a callback"));
    let got: string | undefined;
    for (let n = 0; n < 5_000_000 && got === undefined; n++) {
      got = await select([receiveFrom(channel, (value) => value)], { otherwise: () => undefined });
    }
    assert.equal(got, "from a callback");
  });
});
