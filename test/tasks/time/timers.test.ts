/** `after` and `Ticker`: time as channels. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { after, Channel, go, receiveFrom, select, setSchedulerThreads, Ticker } from "../../../src/tasks/index.ts";
import { nextTick } from "../../../src/tasks/time/ticker.ts";
import { makesAfter, ticksOf } from "../../fixtures/tasks/features.ts";
import { DAYS_30_MS, MAX_TIMER_MS, watchTimers } from "../../support/timers.ts";

setSchedulerThreads(2);
const run = promisify(execFile);

describe("after", () => {
  test("sends the time once, and does not close its channel", async (t) => {
    t.mock.timers.enable();
    const channel = after(100);
    assert.equal(channel.tryReceive(), undefined);
    t.mock.timers.tick(100);
    assert.deepEqual(channel.tryReceive(), { value: 100, ok: true });
    t.mock.timers.tick(1000);
    assert.equal(channel.tryReceive(), undefined);
  });

  test("is a case of a select", async () => {
    const never = new Channel<string>();
    assert.equal(await select([receiveFrom(never), receiveFrom(after(1), () => "late")]), "late");
  });

  test("is over at once for 0 or less, waits longer than a timer of Node's can, and for ever for Infinity", async (t) => {
    const seen = watchTimers(t);
    for (const ms of [0, -1, -Infinity]) assert.equal((await after(ms).receive()).ok, true);
    const kept = [after(DAYS_30_MS), after(Infinity)];
    assert.ok(seen.askedMs.every((ms) => ms >= 0 && ms <= MAX_TIMER_MS));
    assert.deepEqual(
      kept.map((channel) => channel.tryReceive()),
      [undefined, undefined],
    );
  });

  test("refuses what is no number", () => {
    for (const wrong of [Number.NaN, "5", undefined, null]) {
      assert.throws(() => after(wrong as never), { code: "TASK_INVALID" });
    }
  });

  test("on another thread sends to this one", async () => {
    assert.equal((await (await go(makesAfter, 1)).receive()).ok, true);
    assert.equal(await go(ticksOf, after(1), 1), 1);
  });

  test("keeps the program alive while a task waits for it, and not otherwise", async () => {
    const file = new URL("../../fixtures/tasks/after-at-the-end.ts", import.meta.url).pathname;
    const { stdout } = await run(process.execPath, [file], { timeout: 60_000 });
    assert.equal(stdout, "waited here\nwaited there\nselected\nticked\n");
  });

  test("leaves no timer behind when nobody holds its channel", async (t) => {
    const seen = watchTimers(t);
    setFlagsFromString("--expose_gc");
    const gc = runInNewContext("gc") as () => void;
    for (let i = 0; i < 20; i++) after(3_600_000);
    const kept = after(3_600_000);
    assert.equal(seen.live.size, 21);
    while (seen.live.size > 1) {
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }
    assert.equal(kept.tryReceive(), undefined);
  });
});

describe("a Ticker", () => {
  test("ticks at every interval, loses ticks that nobody takes, and stops", (t) => {
    t.mock.timers.enable();
    using ticker = new Ticker(10);
    for (const at of [10, 20]) {
      t.mock.timers.tick(10);
      assert.deepEqual(ticker.channel.tryReceive(), { value: at, ok: true });
    }
    t.mock.timers.tick(10);
    t.mock.timers.tick(10);
    assert.deepEqual(ticker.channel.tryReceive(), { value: 30, ok: true });
    assert.equal(ticker.channel.tryReceive(), undefined);
    t.mock.timers.tick(10);
    ticker.stop();
    assert.equal(ticker.channel.tryReceive(), undefined, "the tick was taken back");
    t.mock.timers.tick(100);
    assert.equal(ticker.channel.tryReceive(), undefined);
  });

  test("takes another interval, also after it was stopped", (t) => {
    t.mock.timers.enable();
    using ticker = new Ticker(10);
    t.mock.timers.tick(10);
    ticker.reset(50);
    assert.equal(ticker.channel.tryReceive(), undefined, "the tick of the old interval was taken back");
    t.mock.timers.tick(49);
    assert.equal(ticker.channel.tryReceive(), undefined);
    t.mock.timers.tick(1);
    assert.deepEqual(ticker.channel.tryReceive(), { value: 60, ok: true });
    ticker.stop();
    ticker.reset(5);
    t.mock.timers.tick(5);
    assert.deepEqual(ticker.channel.tryReceive(), { value: 65, ok: true });
  });

  test("sends to tasks on other threads", async () => {
    using ticker = new Ticker(1);
    assert.equal(await go(ticksOf, ticker.channel, 3), 3);
  });

  test("refuses an interval that is not greater than 0 and finite", () => {
    for (const wrong of [0, -1, Number.NaN, Infinity, "1", undefined]) {
      assert.throws(() => new Ticker(wrong as never), { code: "TASK_INVALID", message: /interval of a ticker/ });
    }
    using ticker = new Ticker(1000);
    assert.throws(() => ticker.reset(0), { code: "TASK_INVALID" });
  });

  test("that is late does not delay the following ticks, and leaves out what was missed", () => {
    assert.deepEqual(nextTick(10, 100, 100), { nextMs: 10, dueMs: 110 });
    assert.deepEqual(nextTick(10, 100, 103), { nextMs: 7, dueMs: 110 });
    assert.deepEqual(nextTick(10, 100, 125), { nextMs: 5, dueMs: 130 });
  });

  test("goes on when the wall clock is set", () => {
    assert.deepEqual(nextTick(10, 100, 1), { nextMs: 10, dueMs: 11 });
    assert.deepEqual(nextTick(10, 100, 9_000_000), { nextMs: 10, dueMs: 9_000_010 });
  });
});
