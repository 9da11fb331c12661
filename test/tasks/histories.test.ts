/** Random histories of channels, checked against a model: a queue with a rule for the waiters. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as check,
  asyncProperty,
  boolean,
  constantFrom,
  integer,
  nat,
  record,
} from "fast-check";
import { Channel, go, receiveFrom, select, sendTo, setSchedulerThreads } from "../../src/tasks/index.ts";
import { receiveAll, sendAll } from "../fixtures/tasks/movable.ts";
import { channelKinds } from "./channels.ts";

setSchedulerThreads(2);

type Step = { readonly do: "send" | "receive" | "trySend" | "tryReceive" | "close" };

const steps: Arbitrary<Step[]> = array(
  record({ do: constantFrom("send", "send", "receive", "receive", "trySend", "tryReceive", "close") }),
  { maxLength: 40 },
);

/** The reference: what each operation comes to, by its number; undefined while it waits. */
class Model {
  readonly results: (string | undefined)[] = [];
  readonly #capacity: number;
  readonly #buffer: number[] = [];
  readonly #senders: { readonly operation: number; readonly value: number }[] = [];
  readonly #receivers: number[] = [];
  #isClosed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  apply(step: Step["do"], operation: number): void {
    this.results.push(undefined);
    if (step === "send" || step === "trySend") this.#send(operation, step === "trySend");
    else if (step === "close") this.#close(operation);
    else this.#receive(operation, step === "tryReceive");
  }

  #send(operation: number, isTry: boolean): void {
    const receiver = this.#receivers.shift();
    if (this.#isClosed) this.results[operation] = "closed";
    else if (receiver !== undefined) {
      this.results[receiver] = `got ${operation}`;
      this.results[operation] = "sent";
    } else if (this.#buffer.length < this.#capacity) {
      this.#buffer.push(operation);
      this.results[operation] = "sent";
    } else if (isTry) this.results[operation] = "not now";
    else this.#senders.push({ operation, value: operation });
  }

  #receive(operation: number, isTry: boolean): void {
    const value = this.#buffer.shift();
    const sender = this.#senders.shift();
    if (sender !== undefined) this.results[sender.operation] = "sent";
    if (value !== undefined) {
      if (sender !== undefined) this.#buffer.push(sender.value);
      this.results[operation] = `got ${value}`;
    } else if (sender !== undefined) this.results[operation] = `got ${sender.value}`;
    else if (this.#isClosed) this.results[operation] = "ended";
    else if (isTry) this.results[operation] = "not now";
    else this.#receivers.push(operation);
  }

  #close(operation: number): void {
    if (this.#isClosed) {
      this.results[operation] = "closed";
      return;
    }
    this.#isClosed = true;
    this.results[operation] = "done";
    for (const receiver of this.#receivers.splice(0)) this.results[receiver] = "ended";
    for (const { operation: sender } of this.#senders.splice(0)) this.results[sender] = "closed";
  }
}

async function run(channel: Channel<number>, step: Step["do"], operation: number): Promise<string> {
  try {
    switch (step) {
      case "send":
        await channel.send(operation);
        return "sent";
      case "trySend":
        return (await channel.trySend(operation)) ? "sent" : "not now";
      case "close":
        await channel.close();
        return "done";
      default: {
        const received = step === "receive" ? await channel.receive() : await channel.tryReceive();
        if (received === undefined) return "not now";
        return received.ok ? `got ${received.value}` : "ended";
      }
    }
  } catch (error) {
    assert.equal((error as { code?: string }).code, "CHANNEL_CLOSED");
    return "closed";
  }
}

for (const { kind, make } of channelKinds) {
  describe(`histories of a channel, ${kind}`, () => {
    test("are those of the model", async () => {
      await check(
        asyncProperty(integer({ min: 0, max: 3 }), steps, async (capacity, history) => {
          const channel = await make(capacity);
          const model = new Model(capacity);
          const results: (string | undefined)[] = history.map(() => undefined);
          for (const [operation, step] of history.entries()) {
            model.apply(step.do, operation);
            void run(channel, step.do, operation).then((result) => (results[operation] = result));
          }
          // Answered after everything before it, from the channel's thread; and then the turns of this one.
          await channel.tryReceive();
          for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
          const last = model.results.length;
          model.apply("tryReceive", last);
          assert.deepEqual(results, model.results.slice(0, last));
        }),
        { numRuns: kind === "within a thread" ? 300 : 60 },
      );
    });
  });
}

test("whatever is sent by several tasks on several threads arrives once, in each sender's order", async () => {
  await check(
    asyncProperty(
      integer({ min: 0, max: 3 }),
      array(integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 4 }),
      integer({ min: 1, max: 3 }),
      boolean(),
      async (capacity, counts, receivers, isHere) => {
        const channel = (await channelKinds[isHere ? 0 : 1]!.make(capacity)) as Channel<unknown>;
        const receiving = Array.from({ length: receivers }, () => go(receiveAll, channel));
        await Promise.all(
          counts.map((count, sender) =>
            go(
              sendAll,
              channel,
              Array.from({ length: count }, (_, n) => [sender, n]),
            ),
          ),
        );
        await channel.close();
        const received = (await Promise.all(receiving)) as [number, number][][];
        for (const [sender, count] of counts.entries()) {
          const lists = received.map((list) => list.filter(([from]) => from === sender).map(([, n]) => n));
          for (const list of lists)
            assert.deepEqual(
              list,
              list.toSorted((a, b) => a - b),
            );
          assert.deepEqual(
            lists.flat().toSorted((a, b) => a - b),
            Array.from({ length: count }, (_, n) => n),
          );
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("selects on random channels pass each value exactly once", async () => {
  await check(
    asyncProperty(
      array(boolean(), { minLength: 1, maxLength: 3 }),
      array(array(nat(2), { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 12 }),
      async (homes, selects) => {
        const channels = await Promise.all(homes.map((isHere) => channelKinds[isHere ? 0 : 1]!.make(0)));
        const sent: number[] = [];
        const received: number[] = [];
        await Promise.all(
          selects.map((places, index) =>
            select(
              places.map((place) => {
                const channel = channels[place % channels.length]!;
                return index % 2 === 0
                  ? sendTo(channel, index, () => void sent.push(index))
                  : receiveFrom(channel, (value, ok) => void (ok && received.push(value)));
              }),
              { timeoutMs: 20, otherwise: () => undefined },
            ),
          ),
        );
        assert.deepEqual(
          received.toSorted((a, b) => a - b),
          sent.toSorted((a, b) => a - b),
        );
        for (const channel of channels) {
          assert.equal(await channel.trySend(0), false, "no receiver is left behind");
          assert.equal(await channel.tryReceive(), undefined, "no sender is left behind");
        }
      },
    ),
    { numRuns: 25 },
  );
});
