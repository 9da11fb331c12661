import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { Channel, go, receiveFrom, select } from "../../../src/tasks/index.ts";
import * as movable from "../../fixtures/tasks/movable.ts";
import { channelKinds } from "../channels.ts";

const CLOSED = { value: undefined, ok: false };

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HeddleError && error.code === code;
}

/** What has become of a promise so far. */
function watch(promise: Promise<unknown>): { settled: boolean } {
  const state = { settled: false };
  promise.then(
    () => (state.settled = true),
    () => (state.settled = true),
  );
  return state;
}

for (const { kind, make } of channelKinds) {
  describe(`a channel, ${kind}`, () => {
    test("hands a waiting receiver the value directly", async () => {
      const channel = await make(0);
      const received = channel.receive();
      await channel.send(1);
      assert.deepEqual(await received, { value: 1, ok: true });
      assert.equal(channel.length, 0);
    });

    test("of capacity 0 is a rendezvous: send settles when a receiver has taken the value", async () => {
      const channel = await make(0);
      const sent = channel.send(1);
      const state = watch(sent);
      // Answered after the send has arrived, from the same thread.
      assert.equal(await channel.trySend(2), false);
      assert.equal(state.settled, false);
      assert.deepEqual(await channel.receive(), { value: 1, ok: true });
      await sent;
    });

    test("with a buffer lets send settle while there is room, and then wait", async () => {
      const channel = await make(2);
      await channel.send(1);
      await channel.send(2);
      assert.equal(channel.length, 2);
      assert.equal(channel.capacity, 2);
      const state = watch(channel.send(3));
      assert.equal(await channel.trySend(4), false);
      assert.equal(state.settled, false);
      assert.equal((await channel.receive()).value, 1);
      assert.equal(channel.length, 2, "the waiting sender's value has moved up");
      assert.equal((await channel.receive()).value, 2);
      assert.equal((await channel.receive()).value, 3);
      assert.equal(await channel.tryReceive(), undefined);
    });

    test("keeps senders and receivers first in, first out", async () => {
      const channel = await make(0);
      const sends = [1, 2, 3].map((value) => channel.send(value));
      const values = [await channel.receive(), await channel.receive(), await channel.receive()];
      assert.deepEqual(
        values.map(({ value }) => value),
        [1, 2, 3],
      );
      await Promise.all(sends);
      const receives = [channel.receive(), channel.receive(), channel.receive()];
      for (const value of [4, 5, 6]) await channel.send(value);
      assert.deepEqual(
        (await Promise.all(receives)).map(({ value }) => value),
        [4, 5, 6],
      );
    });

    test("closed, drains its buffer and then gives undefined, not ok, for ever", async () => {
      const channel = await make(2, [1, 2]);
      await channel.close();
      assert.deepEqual(await channel.receive(), { value: 1, ok: true });
      assert.deepEqual(await channel.tryReceive(), { value: 2, ok: true });
      assert.deepEqual(await channel.receive(), CLOSED);
      assert.deepEqual(await channel.receive(), CLOSED);
      assert.deepEqual(await channel.tryReceive(), CLOSED);
    });

    test("lets waiting receivers go when it is closed", async () => {
      const channel = await make(0);
      const received = [channel.receive(), channel.receive()];
      await channel.close();
      assert.deepEqual(await Promise.all(received), [CLOSED, CLOSED]);
    });

    test("refuses to send when it is closed, also those who wait already", async () => {
      const channel = await make(0);
      const waiting = channel.send(1);
      const refused = assert.rejects(waiting, hasCode("CHANNEL_CLOSED"));
      await channel.close();
      await refused;
      await assert.rejects(channel.send(2), hasCode("CHANNEL_CLOSED"));
      await assert.rejects(async () => channel.trySend(3), hasCode("CHANNEL_CLOSED"));
    });

    test("refuses to be closed twice", async () => {
      const channel = await make(0);
      await channel.close();
      await assert.rejects(async () => channel.close(), hasCode("CHANNEL_CLOSED"));
    });

    test("trySend and tryReceive never wait", async () => {
      const channel = await make(1);
      assert.equal(await channel.tryReceive(), undefined);
      assert.equal(await channel.trySend(1), true);
      assert.equal(await channel.trySend(2), false);
      assert.deepEqual(await channel.tryReceive(), { value: 1, ok: true });
      const received = channel.receive();
      assert.equal(await channel.trySend(3), true);
      assert.equal((await received).value, 3);
    });

    test("async iteration ends when it is closed and empty", async () => {
      const channel = await make(3, [1, 2, 3]);
      await channel.close();
      const values: number[] = [];
      for await (const value of channel) values.push(value);
      assert.deepEqual(values, [1, 2, 3]);
    });

    test("async iteration ends for good at break, return, throw, and the end, and takes no value more", async () => {
      const channel = await make(4, [1, 2, 3, 4]);
      for await (const value of channel) if (value === 1) break;
      const iterator = channel[Symbol.asyncIterator]();
      assert.deepEqual(await iterator.next(), { value: 2, done: false });
      assert.deepEqual(await iterator.return(), { value: undefined, done: true });
      assert.deepEqual(await iterator.next(), { value: undefined, done: true });
      const thrown = channel[Symbol.asyncIterator]();
      await assert.rejects(thrown.throw(new Error("enough")), { message: "enough" });
      assert.deepEqual(await thrown.next(), { value: undefined, done: true });
      {
        await using disposed = channel[Symbol.asyncIterator]();
        assert.deepEqual(await disposed.next(), { value: 3, done: false });
      }
      const two = channel[Symbol.asyncIterator]();
      const nexts = [two.next(), two.next(), two.next()];
      assert.deepEqual(await nexts[0], { value: 4, done: false });
      await channel.close();
      for (const next of nexts.slice(1)) assert.deepEqual(await next, { value: undefined, done: true });
      assert.deepEqual(await two.next(), { value: undefined, done: true });
    });

    test("goes to another thread as an argument, and works there as it does here", async () => {
      const channel = await make(1);
      assert.deepEqual(await go(movable.attempts, channel), {
        sent: [true, false],
        received: [{ value: 1, ok: true }, undefined],
        capacity: 1,
        length: 0,
      });
      const received = go(movable.receiveAll, channel);
      await go(movable.sendAll, channel, [1, 2, 3]);
      await go(movable.close, channel as unknown as Channel<never>);
      assert.deepEqual(await received, [1, 2, 3]);
      assert.equal(await go(movable.codeOf, channel, "send"), "CHANNEL_CLOSED");
      assert.equal(await go(movable.codeOf, channel, "close"), "CHANNEL_CLOSED");
      assert.deepEqual(await channel.receive(), CLOSED);
    });

    test("goes through another channel, and comes home as itself", async () => {
      const channel = await make(1);
      const carrier = new Channel<unknown>();
      const echoed = go(movable.receiveOne, carrier);
      await carrier.send({ inside: [channel] });
      const { value } = (await echoed) as { value: { inside: [Channel<number>] } };
      assert.equal(value.inside[0], channel);
    });
  });
}

describe("the nil channel", () => {
  test("waits for ever, and is never chosen by select", async () => {
    const states = [watch(Channel.nil.receive()), watch(Channel.nil.send(1 as never))];
    const chosen = await select([receiveFrom(Channel.nil, () => "nil")], { otherwise: () => "otherwise" });
    assert.equal(chosen, "otherwise");
    assert.equal(Channel.nil.trySend(1 as never), false);
    assert.equal(Channel.nil.tryReceive(), undefined);
    await new Promise(setImmediate);
    assert.deepEqual(states, [{ settled: false }, { settled: false }]);
  });

  test("can't be closed", () => {
    assert.throws(() => Channel.nil.close(), hasCode("CHANNEL_NIL"));
  });

  test("is the nil channel on another thread too", async () => {
    assert.equal(await go(movable.echo, Channel.nil), Channel.nil);
    assert.equal(await go(movable.codeOf, Channel.nil, "close"), "CHANNEL_NIL");
  });
});

describe("a value", () => {
  test("is handed over as it is within a thread, and copied when it is sent, to another", async () => {
    const channel = new Channel<{ n: number }>(1);
    const value = { n: 1 };
    await channel.send(value);
    assert.equal((await channel.receive()).value, value);
    const received = go(movable.receiveOne, channel as Channel<unknown>);
    await channel.send(value);
    assert.deepEqual(await received, { value: { n: 1 }, ok: true });
  });

  test("is transferred to another thread if listed", async () => {
    const channel = new Channel<unknown>();
    const bytes = new Uint8Array([1, 2, 3]);
    const received = go(movable.receiveOne, channel);
    await channel.send(bytes, [bytes.buffer]);
    assert.deepEqual((await received).value, new Uint8Array([1, 2, 3]));
    assert.equal(bytes.length, 0);
    const there = (await go(movable.newChannel, 1, [])) as Channel<unknown>;
    const more = new Uint8Array([4]);
    await there.send(more, [more.buffer]);
    assert.equal(more.length, 0);
    assert.deepEqual((await there.receive()).value, new Uint8Array([4]));
  });

  test("that can't be copied is an error where it is sent to another thread", async () => {
    const there = (await go(movable.newChannel, 1, [])) as Channel<unknown>;
    await assert.rejects(
      there.send(() => 1),
      hasCode("NOT_CLONEABLE"),
    );
    assert.equal(there.length, 0);
  });
});

test("a capacity that can't be is refused", () => {
  for (const wrong of [-1, 1.5, NaN, Infinity]) assert.throws(() => new Channel(wrong), hasCode("CHANNEL_CAPACITY"));
});

describe("a thread that dies", () => {
  test("closes nothing: what it had waiting leaves the queues", async () => {
    const channel = new Channel<string>();
    const ready = new Channel<string>();
    const died = assert.rejects(Promise.resolve(go(movable.offerAndDie, channel, ready)), hasCode("THREAD_DIED"));
    await ready.receive();
    await died;
    assert.equal(channel.tryReceive(), undefined, "its send is gone");
    assert.equal(channel.trySend("nobody"), false, "its select is gone");
    const received = channel.receive();
    await channel.send("alive");
    assert.deepEqual(await received, { value: "alive", ok: true });
  });

  test("takes its channels along: operations on them fail, waiting ones and later ones", async () => {
    const out = new Channel<Channel<number>>();
    const go2 = new Channel<string>();
    const died = assert.rejects(Promise.resolve(go(movable.homeAndDie, out, go2)), hasCode("THREAD_DIED"));
    const { value: lost } = await out.receive();
    const waiting = [
      assert.rejects(lost!.receive(), hasCode("CHANNEL_LOST")),
      assert.rejects(select([receiveFrom(lost), receiveFrom(new Channel())]), hasCode("CHANNEL_LOST")),
    ];
    await go2.send("die");
    await died;
    await Promise.all(waiting);
    await assert.rejects(lost!.send(1), hasCode("CHANNEL_LOST"));
    await assert.rejects(select([receiveFrom(lost)]), hasCode("CHANNEL_LOST"));
  });
});
