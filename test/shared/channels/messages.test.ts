/** The messages of a channel, as an async iterator. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageQueue } from "../../../src/shared/channels/messages.ts";
import { pack, unpackPacked } from "../../../src/shared/values.ts";

interface Made {
  readonly queue: MessageQueue<unknown>;
  readonly gaps: (number | undefined)[];
  readonly joined: PromiseWithResolvers<void>;
  readonly left: () => boolean;
}

function make(maxBytes?: number): Made {
  const gaps: (number | undefined)[] = [];
  const queue = new MessageQueue<unknown>(unpackPacked, (lost) => gaps.push(lost), maxBytes);
  const joined = Promise.withResolvers<void>();
  let isLeft = false;
  queue.begin({ ready: joined.promise, leave: () => (isLeft = true) });
  return { queue, gaps, joined, left: () => isLeft };
}

test("messages that came before they are asked for, and after it, keep their order", async () => {
  const { queue } = make();
  queue.message(pack(1));
  queue.message(pack("two"));
  const asked = [queue.next(), queue.next(), queue.next(), queue.next()];
  queue.message(pack(3));
  queue.message(pack({ four: 4 }));
  const values = (await Promise.all(asked)).map(({ value }) => value);
  assert.deepEqual(values, [1, "two", 3, { four: 4 }]);
});

test("a waiting message does not change with the memory that it was read from", async () => {
  const { queue } = make();
  const packed = pack("text");
  queue.message(packed);
  packed.bytes.fill(0);
  assert.deepEqual(await queue.next(), { done: false, value: "text" });
});

test("what is over the limit is a gap in its place, and the first message may be of any size", async () => {
  const { queue, gaps } = make(1000);
  queue.message(pack("x".repeat(5000)));
  for (let n = 0; n < 3; n++) queue.message(pack(n));
  assert.equal(((await queue.next()).value as string).length, 5000);
  assert.deepEqual(gaps, []);
  queue.message(pack("behind"));
  queue.gap(undefined);
  queue.gap(2);
  assert.deepEqual(await queue.next(), { done: false, value: "behind" });
  assert.deepEqual(gaps, [3]);
  const next = queue.next();
  assert.deepEqual(gaps, [3, undefined]);
  queue.message(pack("end"));
  assert.deepEqual(await next, { done: false, value: "end" });
});

test("return() ends whoever waits, and the subscription", async () => {
  const { queue, left } = make();
  const waiting = queue.next();
  assert.equal(left(), false);
  await queue.return();
  assert.equal(left(), true);
  assert.deepEqual(await waiting, { done: true, value: undefined });
  assert.deepEqual(await queue.next(), { done: true, value: undefined });
});

test("a subscription that fails is an error of the next message, once", async () => {
  for (const isAsked of [true, false]) {
    const { queue, joined } = make();
    const early = isAsked ? queue.next() : undefined;
    joined.reject(new Error("no arbiter"));
    if (early === undefined) await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(early ?? queue.next(), /no arbiter/);
    assert.deepEqual(await queue.next(), { done: true, value: undefined });
  }
});
