/** Timeouts and sleeps of tasks, for all kinds of values. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { awaitSync, Context, receiveFrom, select, sleep, type Channel } from "../../src/tasks/index.ts";
import { add } from "../fixtures/tasks/movable.ts";
import { DAYS_30_MS, MAX_TIMER_MS, watchTimers } from "../support/timers.ts";
import { channelKinds } from "./channels.ts";

const run = promisify(execFile);

/** Sets no timer for longer than Node's can wait: it would fire at once. */
function canWait({ askedMs }: { readonly askedMs: readonly number[] }): boolean {
  return askedMs.length > 0 && askedMs.every((ms) => ms >= 0 && ms <= MAX_TIMER_MS);
}

describe("sleep", () => {
  test("takes longer than a timer of Node's can wait", async (t) => {
    const seen = watchTimers(t);
    using context = Context.background().withCancel();
    const sleeping = sleep(DAYS_30_MS, context);
    context.cancel();
    await assert.rejects(sleeping, { code: "CANCELED" });
    assert.ok(canWait(seen));
    assert.equal(seen.live.size, 0);
  });

  test("is over when timers have run for a time of 0 or less", async (t) => {
    const seen = watchTimers(t);
    await Promise.all([sleep(0), sleep(-1), sleep(-Infinity)]);
    assert.ok(canWait(seen));
  });

  test("lasts until its context is cancelled for an infinite time, and sets no timer", async (t) => {
    const { askedMs } = watchTimers(t);
    const context = Context.background().withCancel();
    const sleeping = sleep(Infinity, context);
    context.cancel();
    await assert.rejects(sleeping, { code: "CANCELED" });
    assert.deepEqual(askedMs, []);
  });

  test("keeps no program alive for an infinite time", async () => {
    const file = new URL("../fixtures/tasks/sleeps-for-ever.ts", import.meta.url).pathname;
    const { stdout } = await run(process.execPath, [file], { timeout: 30_000 });
    assert.equal(stdout, "sleeps\n");
  });

  test("refuses what is no context", async () => {
    await assert.rejects(sleep(1, new AbortController().signal as never), {
      code: "TASK_INVALID",
      message: "sleep() needs a Context, and got AbortSignal.",
    });
  });

  test("refuses what is no number, with what it should be", async () => {
    for (const [wrong, shown] of [
      [Number.NaN, "NaN"],
      [undefined, "undefined"],
      ["5", '"5"'],
    ] as const) {
      await assert.rejects(sleep(wrong as never), {
        code: "TASK_INVALID",
        message: `the time to sleep must be a number of milliseconds, and is ${shown}.`,
        hint: "Infinity is without end; 0 or less is over at once.",
      });
    }
  });
});

for (const { kind, make } of channelKinds) {
  describe(`select's timeout, on a channel ${kind}`, () => {
    test("may be longer than a timer of Node's can wait", async (t) => {
      const channel = await make(0);
      const seen = watchTimers(t);
      const selected = select([receiveFrom(channel, (value) => value)], { timeoutMs: DAYS_30_MS });
      await channel.send(7);
      assert.equal(await selected, 7);
      assert.ok(seen.askedMs.every((ms) => ms <= MAX_TIMER_MS));
      assert.equal(seen.live.size, 0);
    });

    test("is over at once for 0 or less", async (t) => {
      const channel = await make(0);
      const { askedMs } = watchTimers(t);
      for (const timeoutMs of [0, -1, -Infinity]) {
        await assert.rejects(select([receiveFrom(channel)], { timeoutMs }), { code: "SELECT_TIMEOUT" });
        assert.equal(await select([receiveFrom(channel)], { timeoutMs, otherwise: () => "otherwise" }), "otherwise");
      }
      assert.deepEqual(askedMs, []);
    });

    test("waits for ever for an infinite one, also beside otherwise", async (t) => {
      const channel = await make(0);
      const { askedMs } = watchTimers(t);
      const options = { timeoutMs: Infinity, otherwise: () => assert.fail("otherwise") };
      const selected = select([receiveFrom(channel, (value) => value)], options);
      await channel.send(8);
      assert.equal(await selected, 8);
      assert.deepEqual(askedMs, []);
    });

    test("is refused if it is no number, and no case happens", async () => {
      const channel: Channel<number> = await make(1);
      await channel.send(1);
      for (const [wrong, shown] of [
        [Number.NaN, "NaN"],
        ["5", '"5"'],
        [null, "null"],
      ] as const) {
        await assert.rejects(select([receiveFrom(channel)], { timeoutMs: wrong as never }), {
          code: "TASK_INVALID",
          message: `the timeoutMs of a select must be a number of milliseconds, and is ${shown}.`,
        });
      }
      assert.equal(channel.length, 1);
    });
  });
}

describe("a context's deadline", () => {
  test("may be later than a timer of Node's can wait", (t) => {
    const seen = watchTimers(t);
    const before = Date.now();
    using context = Context.background().withTimeout(DAYS_30_MS);
    assert.ok(context.deadline! >= before + DAYS_30_MS);
    assert.equal(context.error, undefined);
    assert.ok(canWait(seen));
  });

  test("is that of its parent, or none, for an infinite time", (t) => {
    const { askedMs } = watchTimers(t);
    const deadline = Date.now() + 60_000;
    using parent = Context.background().withDeadline(deadline);
    const asked = askedMs.length;
    using child = parent.withTimeout(Infinity);
    using orphan = Context.background().withDeadline(Infinity);
    assert.deepEqual([child.deadline, orphan.deadline], [deadline, undefined]);
    assert.equal(askedMs.length, asked);
  });

  test("has passed at once for a time of 0 or less", () => {
    for (const timeoutMs of [0, -1, -Infinity]) {
      assert.equal(Context.background().withTimeout(timeoutMs).error?.code, "DEADLINE_EXCEEDED");
    }
  });

  test("is refused if it is no time", () => {
    const background = Context.background();
    assert.throws(() => background.withTimeout(Number.NaN), {
      code: "TASK_INVALID",
      message: "the timeout of a context must be a number of milliseconds, and is NaN.",
    });
    assert.throws(() => background.withDeadline(new Date("no date")), {
      code: "TASK_INVALID",
      message: "the deadline of a context must be a Date or milliseconds since 1970, and is Invalid Date.",
    });
    for (const wrong of [Number.NaN, "tomorrow", undefined, null]) {
      assert.throws(() => background.withDeadline(wrong as never), { code: "TASK_INVALID" });
    }
  });
});

test("awaitSync takes any time limit that is a number from 0 up, and none other", () => {
  for (const timeoutMs of [DAYS_30_MS, Number.MAX_VALUE, Infinity]) {
    assert.equal(awaitSync.with({ timeoutMs }, add, 1, 2), 3);
  }
  for (const wrong of [Number.NaN, -1, -Infinity, "5", null]) {
    assert.throws(() => awaitSync.with({ timeoutMs: wrong as never }, add, 1, 2), { code: "TASK_INVALID" });
  }
});
