import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { SpinBeforePark } from "../../../src/runtime/threads/spin-before-park.ts";

/** Something comes at the so many-th look; looks are counted. */
function post(atLook: number): {
  lingering: SpinBeforePark;
  looks: () => number;
  received: unknown[];
  context: AsyncLocalStorage<string>;
} {
  let looks = 0;
  const context = new AsyncLocalStorage<string>();
  const received: unknown[] = [];
  const lingering = new SpinBeforePark(
    () => ++looks >= atLook,
    () => received.push(context.getStore()),
  );
  return { lingering, looks: () => looks, received, context };
}

describe("a thread that lingers", () => {
  // It looks about fifty times, also if this process gets no time meanwhile.
  let nowMs = 0;
  beforeEach(() => void mock.method(performance, "now", () => (nowMs += 0.001)));
  afterEach(() => mock.restoreAll());

  test("receives what comes meanwhile, in nobody's context", async () => {
    const { lingering, received, context } = post(3);
    context.run("whoever spoke last", () => lingering.stir());
    assert.deepEqual(received, []);
    await setImmediate();
    assert.deepEqual(received, [undefined]);
  });

  test("leaves to the loop what is there before it lingers", async () => {
    const { lingering, received, looks } = post(1);
    lingering.stir();
    await setImmediate();
    assert.deepEqual([received, looks()], [[], 1]);
  });

  test("does so once for all that is said in a turn", async () => {
    const { lingering, received } = post(3);
    for (let i = 0; i < 5; i++) lingering.stir();
    await setImmediate();
    await setImmediate();
    assert.equal(received.length, 1);
  });

  test("in vain does so rarely, until an answer comes in time again", async () => {
    let hasPost = false;
    let lingered = 0;
    const lingering = new SpinBeforePark(
      () => {
        const had = hasPost && lingered > 0;
        lingered++;
        return had;
      },
      () => {},
    );
    const tries = async (count: number): Promise<number> => {
      let times = 0;
      for (let i = 0; i < count; i++) {
        lingered = 0;
        lingering.stir();
        await setImmediate();
        if (lingered > 0) times++;
      }
      return times;
    };
    assert.equal(await tries(8), 8);
    assert.equal(await tries(128), 2);
    hasPost = true;
    assert.ok((await tries(128)) >= 2);
    assert.equal(await tries(8), 8);
  });
});
