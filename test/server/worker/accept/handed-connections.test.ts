import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Arrivals, type Load } from "../../../../src/server/worker/accept/handed-connections.ts";

interface Watched {
  readonly arrivals: Arrivals;
  readonly told: Load[];
  /** To be called when a message is out, in the order of `told`. */
  readonly writes: (() => void)[];
  readonly placed: object[];
}

function watch(): Watched {
  const [told, writes, placed]: [Load[], (() => void)[], object[]] = [[], [], []];
  const arrivals = new Arrivals({
    open: () => placed.length,
    takes: () => true,
    room: () => Infinity,
    onFull: () => {},
    tell: (load, written) => {
      told.push(load);
      writes.push(written);
    },
    place: ({ handle }) => placed.push(handle),
  });
  return { arrivals, told, writes, placed };
}

const [first, second, third] = [{}, {}, {}];

describe("connections the arbiter has sent", () => {
  test("are placed, in order, when the arbiter has been told and not before", async () => {
    const { arrivals, told, writes, placed } = watch();
    arrivals.receive(first, false);
    arrivals.receive(second, false);
    assert.deepEqual([told, placed], [[], []]);
    await turn();
    assert.deepEqual(told, [{ received: 2, open: 2, room: 1000, idle: false }], "a burst is one message");
    assert.deepEqual(placed, [], "the message is not out yet");
    arrivals.receive(third, false);
    await turn();
    writes[0]!();
    assert.deepEqual(placed, [first, second]);
    writes[1]!();
    assert.equal(placed[2], third);
  });

  test("count as open from their arrival on: a worker that has one is not idle", () => {
    const { arrivals, told, writes } = watch();
    arrivals.receive(first, false);
    arrivals.tell();
    arrivals.receive(second, false);
    arrivals.tell();
    writes[0]!();
    arrivals.tell();
    assert.deepEqual(
      told.map(({ open, idle }) => [open, idle]),
      [
        [1, false],
        [2, false],
      ],
      "and what has not changed is not told again",
    );
  });

  test("count as received when their clients have gone meanwhile", async () => {
    const { arrivals, told } = watch();
    arrivals.receive(undefined, false);
    await turn();
    assert.deepEqual(told, [{ received: 1, open: 0, room: 1000, idle: true }]);
  });

  test("can be waited for", async () => {
    const { arrivals, writes, placed } = watch();
    arrivals.receive(first, false);
    const order: string[] = [];
    const waiting = arrivals.placed().then(() => order.push("resolved"));
    await turn();
    order.push("written");
    writes[0]!();
    await waiting;
    assert.deepEqual(order, ["written", "resolved"]);
    assert.deepEqual(placed, [first]);
    await arrivals.placed();
  });
});
