/** Calls for one key that run once: Go's singleflight. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Channel,
  Context,
  dumpTasks,
  go,
  setSchedulerThreads,
  SingleFlight,
  sleep,
  type TaskDump,
} from "../../../src/tasks/index.ts";
import { flies, fliesAndDies } from "../../fixtures/tasks/features.ts";

setSchedulerThreads(2);

describe("a SingleFlight", () => {
  test("runs once for all calls of a key at the same time, and again afterwards", async () => {
    const flights = new SingleFlight();
    let runs = 0;
    const run = async (): Promise<object> => {
      await sleep(1);
      return { run: ++runs };
    };
    const values = await Promise.all(Array.from({ length: 5 }, () => flights.do("a", run)));
    assert.deepEqual(new Set(values).size, 1, "the same object");
    assert.deepEqual(await flights.do("a", run), { run: 2 });
  });

  test('runs keys apart, also 1 and "1"', async () => {
    const flights = new SingleFlight<string | number>();
    const keys = ["1", 1, "2"];
    const gate = new Channel<never>();
    const flown = keys.map((key) =>
      flights.do(key, async () => {
        await gate.receive();
        return key;
      }),
    );
    await sleep(1);
    void gate.close();
    assert.deepEqual(await Promise.all(flown), keys);
  });

  test("gives all callers the same error, and keeps none", async () => {
    const flights = new SingleFlight();
    const error = new RangeError("on purpose");
    const failing = async (): Promise<never> => {
      await sleep(1);
      throw error;
    };
    const outcomes = await Promise.allSettled([flights.do("a", failing), flights.do("a", failing)]);
    for (const outcome of outcomes) assert.equal((outcome as PromiseRejectedResult).reason, error);
    assert.equal(await flights.do("a", () => 7), 7);
  });

  test("forgets a key: the next call runs, and the earlier ones get what they wait for", async () => {
    const flights = new SingleFlight();
    const gate = new Channel<string>();
    const first = flights.do("a", async () => (await gate.receive()).value);
    const second = flights.do("a", () => assert.fail("ran"));
    await sleep(1);
    void flights.forget("a");
    assert.equal(await flights.do("a", () => "another"), "another");
    await gate.send("first");
    assert.deepEqual(await Promise.all([first, second]), ["first", "first"]);
  });

  test("lets a caller give up alone", async () => {
    const [flights, context, gate] = [new SingleFlight(), Context.background().withCancel(), new Channel<string>()];
    const first = flights.do("a", async () => (await gate.receive()).value);
    const leaving = assert.rejects(
      flights.do("a", () => "not run", context),
      { code: "CANCELED" },
    );
    const staying = flights.do("a", () => "not run");
    context.cancel();
    await leaving;
    await gate.send("done");
    assert.deepEqual(await Promise.all([first, staying]), ["done", "done"]);
    await assert.rejects(
      flights.do("a", () => assert.fail("ran"), context),
      { code: "CANCELED" },
    );
  });

  test("refuses keys that are objects", async () => {
    for (const key of [{}, [], null, undefined, Symbol("a")]) {
      await assert.rejects(
        new SingleFlight().do(key as never, () => 1),
        { code: "SYNC_MISUSE" },
      );
    }
  });
});

describe("a SingleFlight across threads", () => {
  test("runs on the thread of the first caller, for the callers of all", async () => {
    const [flights, started, on] = [new SingleFlight(), new Channel<string>(), new Channel<string>()];
    const handles = [go(flies, flights, "a", started, on)];
    await started.receive();
    handles.push(go(flies, flights, "a", started, on));
    const here = flights.do("a", () => assert.fail("ran"));
    const isWaiting = (all: TaskDump[]): boolean => all.some(({ where }) => where === "single flight.begin");
    while (!isWaiting(await dumpTasks())) await sleep(1);
    // What it has asked for has arrived: it was sent before its thread's answer.
    await on.send("go on");
    const outcomes = await Promise.all([...handles, here]);
    assert.equal(new Set(outcomes).size, 1);
    assert.match(outcomes[0], /^by \d+$/);
  });

  test("passes the flight of a dead thread on to the next caller", async () => {
    const [flights, started, on] = [new SingleFlight(), new Channel<string>(), new Channel<string>()];
    const died = assert.rejects(Promise.resolve(go(fliesAndDies, flights, "a", started, on)), { code: "THREAD_DIED" });
    await started.receive();
    const next = flights.do("a", () => "by the next");
    const last = flights.do("a", () => assert.fail("ran"));
    await on.send("die");
    await died;
    assert.deepEqual(await Promise.all([next, last]), ["by the next", "by the next"]);
  });

  test("ends a flight of a dead thread for which nobody waits", async () => {
    const [flights, started, on] = [new SingleFlight(), new Channel<string>(), new Channel<string>()];
    const died = assert.rejects(Promise.resolve(go(fliesAndDies, flights, "a", started, on)), { code: "THREAD_DIED" });
    await started.receive();
    await on.send("die");
    await died;
    assert.equal(await flights.do("a", () => "anew"), "anew");
  });
});
