/** Fake time, on one thread and across threads. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import {
  after,
  blocking,
  Channel,
  Context,
  go,
  receiveFrom,
  select,
  setSchedulerThreads,
  sleep,
  Ticker,
  withFakeTime,
} from "../../../src/tasks/index.ts";
import { selectsFor, sleepsFor, tickAndTell } from "../../fixtures/tasks/features.ts";
import { die } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);
const run = promisify(execFile);
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2000, 0, 1);

describe("under fake time", () => {
  test("the clock begins at the year 2000 or where it is told to, stands still while code runs, and is real afterwards", async () => {
    const before = Date.now();
    await withFakeTime(() => {
      assert.equal(Date.now(), START_MS);
      assert.equal(new Date().toISOString(), "2000-01-01T00:00:00.000Z");
      assert.ok(new Date(5) instanceof Date);
      assert.equal(new Date(5).getTime(), 5);
      const endMs = performance.now() + 5;
      while (performance.now() < endMs);
      assert.equal(Date.now(), START_MS);
    });
    await withFakeTime(() => assert.equal(Date.now(), 7), { start: new Date(7) });
    assert.ok(Date.now() >= before);
  });

  test("each wait takes exactly its time, and no real one", async () => {
    const began = performance.now();
    const order: string[] = [];
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await sleep(ms);
      order.push(`${name} ${Date.now() - START_MS}`);
    };
    await withFakeTime(async () => {
      const handles = [go(sleeper, "a", 2 * HOUR_MS), go(sleeper, "b", HOUR_MS), go(sleeper, "c", 2 * HOUR_MS)];
      await Promise.all(handles);
      await delay(10);
      order.push(`delay ${Date.now() - START_MS}`);
      assert.equal(await delay(5, "value"), "value");
      await new Promise((resolve) => setTimeout(resolve, HOUR_MS, "argument"));
    });
    assert.deepEqual(order, ["b 3600000", "a 7200000", "c 7200000", "delay 7200010"]);
    assert.ok(performance.now() - began < HOUR_MS);
  });

  test("timeouts, deadlines, tickers and intervals follow the same clock", async () => {
    await withFakeTime(async () => {
      const never = new Channel<number>();
      await assert.rejects(select([receiveFrom(never)], { timeoutMs: HOUR_MS }), { code: "SELECT_TIMEOUT" });
      assert.equal(Date.now(), START_MS + HOUR_MS);
      const context = Context.background().withTimeout(1000);
      await assert.rejects(never.receive(context), { code: "DEADLINE_EXCEEDED" });
      assert.equal(Date.now(), START_MS + HOUR_MS + 1000);
      using ticker = new Ticker(250);
      const ticks = [];
      for (let i = 0; i < 4; i++) ticks.push((await ticker.channel.receive()).value! - START_MS - HOUR_MS);
      assert.deepEqual(ticks, [1250, 1500, 1750, 2000]);
      let turns = 0;
      await new Promise<void>((resolve) => {
        const interval = setInterval(() => {
          turns++;
          if (turns < 3) return;
          clearInterval(interval);
          resolve();
        }, 100);
      });
      assert.equal(Date.now(), START_MS + HOUR_MS + 2300);
      assert.equal((await after(50).receive()).value, START_MS + HOUR_MS + 2350);
    });
  });

  test("timers that are unref'd fire, but do not move the clock", async () => {
    await withFakeTime(async () => {
      let fired = 0;
      const timer = setTimeout(() => fired++, 100).unref();
      await sleep(50);
      assert.equal(fired, 0);
      await sleep(100);
      assert.equal(fired, 1);
      timer.refresh();
      clearTimeout(timer);
      clearTimeout(Number(setTimeout(() => fired++, 1)));
      await sleep(10);
      assert.equal(fired, 1);
    });
  });

  test("settled() waits until all others are parked, and does not move the clock", async () => {
    await withFakeTime(async (time) => {
      const context = Context.background().withTimeout(5000);
      let ended = false;
      context.afterFunc(() => {
        ended = true;
      });
      await sleep(4999);
      await time.settled();
      assert.equal(ended, false);
      await sleep(1);
      await time.settled();
      assert.equal(ended, true);
      assert.equal(Date.now(), START_MS + 5000);
    });
  });

  test("the clock stands still while I/O is under way", async () => {
    await withFakeTime(async () => {
      const late = after(1);
      const reading = readFile(new URL(import.meta.url));
      assert.equal(
        await select([receiveFrom(late, () => "late")], { timeoutMs: 0, otherwise: () => "early" }),
        "early",
      );
      await reading;
      assert.equal(Date.now(), START_MS);
      await run(process.execPath, ["-e", "0"]);
      assert.equal(Date.now(), START_MS);
    });
  });

  test("the clock moves though the program prints, also into a pipe", async () => {
    const file = new URL("../../../examples/29-fake-time/main.ts", import.meta.url).pathname;
    const { stdout } = await run(process.execPath, [file], { timeout: 60_000 });
    assert.match(stdout, /^2000-01-01T01:00:00\.000Z gave up/m);
  });

  test("what can never end is an error that names the tasks", async () => {
    const never = new Channel<number>();
    const stuck = withFakeTime(async () => {
      go(async function waitsForNobody() {
        await never.receive();
      });
      await sleep(10);
      await never.receive();
    });
    await assert.rejects(stuck, { code: "TIME_STUCK", message: /waitsForNobody \(receive\)/ });
    // So that nobody is parked when the program ends.
    await never.close();
  });

  test("what the function throws is thrown, and the real timers are back", async () => {
    const { setTimeout: real } = globalThis;
    await assert.rejects(
      withFakeTime(async () => {
        await sleep(HOUR_MS);
        throw new RangeError("on purpose");
      }),
      RangeError,
    );
    assert.equal(globalThis.setTimeout, real);
    assert.equal(await delay(1, "real"), "real");
  });

  test("timers that are pending at the end go on in real time", async () => {
    let fired: Promise<unknown> | undefined;
    await withFakeTime(() => {
      fired = sleep(5);
    });
    await fired;
  });

  test("there is one fake time in a program", async () => {
    await withFakeTime(async () => {
      await assert.rejects(
        withFakeTime(() => assert.fail("ran")),
        { code: "SYNC_MISUSE" },
      );
    });
    await assert.rejects(
      withFakeTime(() => assert.fail("ran"), { start: Number.NaN }),
      { code: "TASK_INVALID" },
    );
  });
});

describe("under fake time, across threads", () => {
  test("a task sleeps exactly its time, on a thread that exists and on a new one", async () => {
    await withFakeTime(async () => {
      const slept = await Promise.all([go(sleepsFor, HOUR_MS), go(sleepsFor, 2 * HOUR_MS), go(sleepsFor, 1)]);
      assert.deepEqual(slept, [HOUR_MS, 2 * HOUR_MS, 1]);
      assert.equal(Date.now(), START_MS + 2 * HOUR_MS);
    });
  });

  test("no timer fires while a message is on its way", async () => {
    for (let i = 0; i < 5; i++) {
      await withFakeTime(async () => {
        const channel = new Channel<string>();
        const selected = go(selectsFor, channel, 100);
        await sleep(99);
        await channel.send("in time");
        assert.equal(await selected, "in time");
        const late = go(selectsFor, channel, 100);
        await sleep(101);
        assert.equal(await late, "late");
        assert.equal(channel.trySend("too late"), false);
        assert.equal(Date.now(), START_MS + 200);
      });
    }
  });

  test("tickers of several threads keep step", async () => {
    await withFakeTime(async () => {
      const out = new Channel<number>(8);
      await Promise.all([go(tickAndTell, out, 1000, 4), go(tickAndTell, out, 1000, 4)]);
      await out.close();
      assert.deepEqual(await Array.fromAsync(out), [1000, 1000, 2000, 2000, 3000, 3000, 4000, 4000]);
      assert.equal(Date.now(), START_MS + 4000);
    });
  });

  test("threads for blocking tasks have it too, and a thread that dies does not stop it", async () => {
    await withFakeTime(async () => {
      const died = assert.rejects(Promise.resolve(go(die)), { code: "THREAD_DIED" });
      const slept = [blocking(sleepsFor, HOUR_MS), go(sleepsFor, HOUR_MS)];
      await died;
      assert.deepEqual(await Promise.allSettled(slept), [
        { status: "fulfilled", value: HOUR_MS },
        { status: "fulfilled", value: HOUR_MS },
      ]);
    });
  });

  test("other threads have real time again afterwards", async () => {
    const before = Date.now();
    await withFakeTime(() => go(sleepsFor, HOUR_MS));
    const slept = await go(sleepsFor, 5);
    assert.ok(slept < HOUR_MS && slept >= 4);
    assert.ok(Date.now() >= before);
  });
});
