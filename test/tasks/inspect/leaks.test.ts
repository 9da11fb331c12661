/** The leak profile. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { Channel, Context, dumpTasks, findLeaks, go, setSchedulerThreads, sleep } from "../../../src/tasks/index.ts";
import {
  firstOf,
  hadChannel,
  leakOneOfEach,
  leaksItself,
  leaksThere,
  stopsItself,
} from "../../fixtures/tasks/leaking.ts";

setSchedulerThreads(1);

async function namesOfLeaks(): Promise<string[]> {
  return (await findLeaks()).map(({ name, where }) => `${name}: ${where ?? "a promise"}`).sort();
}

describe("findLeaks", () => {
  test("finds tasks that wait for what nobody else can reach, whatever that is, once", async () => {
    await firstOf(3);
    leakOneOfEach();
    // On a busy machine some are still on their way to where they wait.
    const found: string[] = [];
    while (found.length < 15) {
      await sleep(1);
      found.push(...(await namesOfLeaks()));
    }
    assert.deepEqual(found.sort(), [
      "acquiresTooMuch: semaphore",
      "awaitsNothing: a promise",
      "bringsResult: send",
      "bringsResult: send",
      "flies: a promise",
      "flies: single flight",
      "locksTwice: mutex",
      "readsAndWrites: write lock",
      "receives: receive",
      "receivesFromNil: receive from nil",
      "receivesUnderContext: select",
      "selects: select",
      "waitsForCond: cond",
      "waitsForGroup: wait group",
      "waitsForStoppedTicker: receive",
    ]);
    assert.deepEqual(await namesOfLeaks(), []);
    assert.deepEqual(await dumpTasks(), []);
  });

  test("finds none that something can wake: a timer, I/O, another task, or the program", async () => {
    const server = createServer((_request, response) => setTimeout(() => response.end("late"), 50)).listen(0);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const [held, chained] = [new Channel<number>(), new Channel<number>()];
    let got = 0;
    const handles = [
      go(() => sleep(100)),
      go(async () => (await fetch(`http://localhost:${port}`)).text()),
      go(async () => {
        await held.receive();
        got++;
        await chained.send(1);
      }),
      go(async () => {
        await chained.receive();
        got++;
      }),
    ];
    await sleep(1);
    assert.deepEqual(await namesOfLeaks(), []);
    await held.send(1);
    await Promise.all(handles);
    assert.equal(got, 2);
    server.close();
  });

  test("counts a task whose handle is kept as reachable", async () => {
    const handle = go(async () => {
      await Context.current().done.receive();
    });
    await sleep(1);
    assert.deepEqual(await namesOfLeaks(), []);
    const canceled = assert.rejects(Promise.resolve(handle), { code: "CANCELED" });
    handle.cancel();
    await canceled;
  });

  test("is harmless to tasks that begin and end meanwhile", async () => {
    const ended = new Set<number>();
    const starting = (async () => {
      for (let i = 0; i < 200; i++) {
        go(async () => {
          await sleep(i % 3);
          ended.add(i);
        });
        await sleep(0);
      }
    })();
    for (let i = 0; i < 5; i++) assert.deepEqual(await namesOfLeaks(), []);
    await starting;
    while (ended.size < 200) await sleep(1);
  });

  test("says where a task was started", async () => {
    await firstOf(2);
    let [leak] = await findLeaks();
    while (leak === undefined) [leak] = await findLeaks();
    assert.match(leak.startedAt!, /^firstOf \(.*fixtures\/tasks\/leaking\.ts:\d+:\d+\)$/);
    assert.equal(leak.thread, 0);
    assert.ok(leak.since <= Date.now() + 1);
  });
});

async function leakAfterBorrowing(): Promise<void> {
  const channel = new Channel<number>();
  await go(hadChannel, channel);
  go(async function waitsForThem() {
    await channel.receive();
  });
}

describe("findLeaks, across threads", () => {
  test("finds the leaks of all threads, with where they were started", async () => {
    await go(leaksThere);
    const leaks = await findLeaks();
    // The two others may still be on their way to where they wait.
    while (leaks.length < 2) leaks.push(...(await findLeaks()));
    assert.deepEqual(
      leaks.map(({ name, where }) => [name, where]),
      [
        ["bringsResult", "send"],
        ["bringsResult", "send"],
      ],
    );
    assert.notEqual(leaks[0]!.thread, 0);
    assert.match(leaks[0]!.startedAt!, /^firstOf .*leaking\.ts/);
  });

  test("finds a task that waits for a channel that another thread has had, when that is gone there", async () => {
    await leakAfterBorrowing();
    // The other thread tells this one that its stand-in is gone.
    let leaks = await findLeaks();
    while (leaks.length === 0) leaks = await findLeaks();
    assert.deepEqual(
      leaks.map(({ name }) => name),
      ["waitsForThem"],
    );
  });

  test("finds a task that was sent there and leaks, and none whose handle can still end it", async () => {
    const ready = new Channel<string>();
    void Promise.resolve(go(leaksItself));
    const stopping = go(stopsItself, ready);
    await ready.receive();
    const leaks = await findLeaks();
    assert.deepEqual(
      leaks.map(({ name }) => name),
      ["leaksItself"],
    );
    assert.match(leaks[0]!.startedAt!, /leaks\.test\.ts:\d+:\d+/);
    const canceled = assert.rejects(Promise.resolve(stopping), { code: "CANCELED" });
    stopping.cancel();
    await canceled;
  });
});
