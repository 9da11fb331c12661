/** Names, groups, exits and calls among the actors of several workers. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TestServer, type TestWorker, until } from "./support.ts";

const LIMIT = { timeout: 180_000 };

function down(pid: string, reason: unknown): object {
  return { down: pid, reason };
}

async function recordedBy(worker: TestWorker, key: string, count: number): Promise<any[]> {
  return await until(
    () => worker.do("recorded", key) as Promise<any[]>,
    (messages) => messages.length >= count,
  );
}

async function known(worker: TestWorker, name: string): Promise<string> {
  return await until(
    () => worker.do("whereis", name) as Promise<string>,
    (pid) => pid !== undefined,
  );
}

describe("two workers", LIMIT, () => {
  test("a name has one holder, and both send to it, call it and cast to it", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const pid = (await a.do("counter", "counter")) as string;
    assert.equal(await known(b, "counter"), pid);
    await b.do("recorder", "other");
    const refused = await b.failing("register", "counter", "other");
    assert.equal(refused.code, "NAME_REFUSED");
    assert.match(refused.message, /cannot be registered as "counter": the name is taken/);
    const here = await a.failing("register", "counter", "counter");
    assert.equal(here.message.replace(/<.*>/, ""), refused.message.replace(/<.*>/, ""));
    assert.equal(await b.do("call", "counter", 5), 5);
    await b.do("cast", "counter", 2);
    assert.equal(await a.do("call", "counter", 0), 7);
    // A name that is given back can be taken by the other worker, at once and any number of times.
    await a.do("recorder", "mine");
    for (let round = 0; round < 20; round++) {
      const [giver, taker, key] = round % 2 === 0 ? [a, b, "other"] : [b, a, "mine"];
      if (round === 0) await a.do("register", "ball", "mine");
      await known(giver, "ball");
      await giver.do("unregister", "ball");
      await taker.do("register", "ball", key);
    }
    // An actor of another worker can be registered, too, and its worker keeps the name.
    await b.do("keep", "far", "counter");
    assert.match((await b.failing("register", "second", "far")).message, /registered as "counter" already/);
    assert.equal(server.actors.status.names, 2);
    assert.deepEqual(server.log, []);
  });

  test("pids are the same object wherever they come from, and a message finds its way back", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const pid = await a.do("recorder", "one");
    await a.do("register", "one", "one");
    await known(b, "one");
    await b.do("keep", "first", "one");
    assert.equal(await b.do("isSame", "one", "first"), true);
    await b.do("recorder", "two");
    // The second actor's pid goes there; the answer, with both pids, comes back.
    await b.do("send", "one", { note: 1 });
    await b.do("sendPid", "first", "two", "answer");
    assert.deepEqual(await recordedBy(b, "two", 1), [{ from: pid, back: undefined }]);
    assert.match(String(pid), /^<\d+\.0\.\d+>$/);
    // From a thread that is not the root of its worker.
    const away = await a.do("onThread", "away");
    assert.match(String(away), /^<\d+\.1\.\d+>$/);
    await known(b, "away");
    await b.do("sendPid", "away", "two", "answer");
    assert.deepEqual((await recordedBy(b, "two", 2))[1], { from: away, back: undefined });
    // And between two such threads.
    await b.do("onThread", "far away");
    await known(a, "far away");
    await a.do("sendPid", "far away", "one", "answer");
    await recordedBy(a, "one", 2);
  });

  test("monitors and links see why an actor of the other worker has ended", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    await b.do("recorder", "watcher", true);
    for (const [name, order] of [
      ["leaves", { exit: "normal" }],
      ["shuts down", { exit: { shutdown: new Map([["why", 1n]]) } }],
      ["breaks", { crash: "it broke" }],
      ["is killed", undefined],
      ["is asked", undefined],
    ] as const) {
      const pid = (await a.do("recorder", name)) as string;
      await a.do("register", name, name);
      await known(b, name);
      await b.do("keep", name, name);
      await b.do("sendPid", "watcher", name, "link");
      await b.do("sendPid", "watcher", name, "monitor");
      if (order !== undefined) await b.do("send", name, order);
      else await b.do("exit", name, name === "is killed" ? "kill" : { asked: true });
      const seen = (await recordedBy(b, "watcher", 2)) as { reason: any }[];
      seen.sort((x) => ("exit" in x ? -1 : 1));
      const reason = {
        leaves: "normal",
        "shuts down": { shutdown: new Map([["why", 1n]]) },
        breaks: { name: "Broken", message: "it broke", code: "E_BROKEN", isBroken: true, cause: undefined },
        "is killed": "killed",
        "is asked": { asked: true },
      }[name];
      assert.deepEqual(seen, [{ exit: pid, reason }, down(pid, reason)]);
      // The name was free before.
      assert.equal(await b.do("whereis", name), undefined);
      // Who watches it now learns that there is none.
      await b.do("recorder", "watcher", true);
      await b.do("sendPid", "watcher", name, "monitor");
      assert.deepEqual(await recordedBy(b, "watcher", 1), [down(pid, "noproc")]);
      await b.do("recorder", "watcher", true);
    }
    assert.deepEqual((await b.failing("call", "leaves", 1)).reason, "noproc");
    await a.do("counter", "crashes");
    await known(b, "crashes");
    const failed = await b.failing("call", "crashes", "crash");
    assert.deepEqual([failed.code, (failed.reason as { code: string }).code], ["ACTOR_CALL_FAILED", "E_CALL"]);
    await a.do("counter", "waits");
    await known(b, "waits");
    assert.equal((await b.failing("call", "waits", "never", 20)).code, "ACTOR_CALL_TIMEOUT");
  });

  test("kill ends an actor of the other worker in the middle of a computation, and its thread goes on", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const pid = (await a.do("runaway", "computes")) as string;
    const neighbour = await a.do("onThread", "neighbour");
    await known(b, "computes");
    await known(b, "neighbour");
    await b.do("recorder", "watcher", true);
    await b.do("keep", "computes", "computes");
    await b.do("sendPid", "watcher", "computes", "monitor");
    await b.do("send", "computes", "begin");
    await b.do("exit", "computes", "kill");
    assert.deepEqual(await recordedBy(b, "watcher", 1), [down(pid, "killed")]);
    await b.do("sendPid", "neighbour", "watcher", "answer");
    assert.deepEqual((await recordedBy(b, "watcher", 2))[1], { from: neighbour, back: undefined });
  });

  test("the members of a group are those of both, and each gets what is published", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const first = (await a.do("recorder", "first")) as string;
    await a.do("join", "room", "first");
    // One that comes in later hears of it, too.
    const c = server.spawn();
    const second = (await b.do("recorder", "second")) as string;
    await b.do("join", "room", "second");
    for (const worker of [a, b, c]) {
      const members = await until(
        () => worker.do("members", "room") as Promise<string[]>,
        ({ length }) => length === 2,
      );
      assert.deepEqual(members.toSorted(), [first, second].toSorted());
    }
    assert.equal(await c.do("publish", "room", { said: "hello" }), 2);
    assert.deepEqual(await recordedBy(a, "first", 1), [{ said: "hello" }]);
    assert.deepEqual(await recordedBy(b, "second", 1), [{ said: "hello" }]);
    b.process.kill("SIGKILL");
    for (const worker of [a, c]) {
      const left = await until(
        () => worker.do("members", "room") as Promise<string[]>,
        ({ length }) => length < 2,
      );
      assert.deepEqual(left, [first]);
    }
  });

  test("registries have one holder for each unique key, and all entries in both", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const first = await a.do("recorder", "first");
    const second = await b.do("recorder", "second");
    await a.do("registerKey", "unique", "key", "first", { seats: 2 });
    assert.equal((await b.failing("registerKey", "unique", "key", "second")).code, "NAME_REFUSED");
    const seen = await until(
      () => b.do("lookup", "unique", "key") as Promise<unknown[]>,
      ({ length }) => length > 0,
    );
    assert.deepEqual(seen, [[first, { seats: 2 }]]);
    for (let round = 0; round < 10; round++) {
      await a.do("unregisterKey", "unique", "key", "first");
      await b.do("registerKey", "unique", "key", "second");
      await b.do("unregisterKey", "unique", "key", "second");
      await a.do("registerKey", "unique", "key", "first");
    }
    for (const [worker, who] of [
      [a, "first"],
      [b, "second"],
    ] as const)
      await worker.do("registerKey", "duplicate", "key", who, who);
    for (const worker of [a, b]) {
      const both = await until(
        () => worker.do("lookup", "duplicate", "key") as Promise<string[][]>,
        ({ length }) => length === 2,
      );
      assert.deepEqual(
        new Map(both as [string, string][]),
        new Map([
          [first, "first"],
          [second, "second"],
        ]),
      );
    }
    // An address in a registry may be sent: it means the same there.
    await b.do("registerKey", "unique", "here", "second");
    await until(
      () => a.do("lookup", "unique", "here") as Promise<unknown[]>,
      ({ length }) => length > 0,
    );
    await a.do("register", "first", "first");
    await known(b, "first");
    await b.do("sendVia", "first", "here");
    assert.deepEqual(await recordedBy(b, "second", 1), ["via"]);
    a.process.kill("SIGKILL");
    await until(
      () => b.do("lookup", "duplicate", "key") as Promise<unknown[]>,
      ({ length }) => length === 1,
    );
    await b.do("registerKey", "unique", "key", "second");
    assert.equal((await b.failing("registerKey", "unique", "x".repeat(20_000), "second")).code, "NAME_REFUSED");
  });

  test("a worker that is killed takes its names with it, and monitors, links and calls get noconnection", async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = [server.spawn(), server.spawn()];
    const pid = await a.do("counter", "counter");
    const away = await a.do("onThread", "away");
    await known(b, "counter");
    await known(b, "away");
    await b.do("keep", "kept", "counter");
    await b.do("keep", "kept away", "away");
    await b.do("recorder", "watcher", true);
    for (const key of ["kept", "kept away"]) {
      await b.do("sendPid", "watcher", key, "monitor");
      await b.do("sendPid", "watcher", key, "link");
    }
    const called = b.failing("call", "counter", "never", 60_000);
    await b.do("call", "counter", 0);
    a.process.kill("SIGKILL");
    const seen = (await recordedBy(b, "watcher", 4)) as { down?: string; exit?: string; reason: string }[];
    assert.deepEqual(
      seen
        .map(({ down: who, exit, reason }) => `${who ?? exit} ${who === undefined ? "exit" : "down"} ${reason}`)
        .toSorted(),
      [pid, away].flatMap((each) => [`${each} down noconnection`, `${each} exit noconnection`]).toSorted(),
    );
    assert.equal((await called).reason, "noconnection");
    assert.equal(await b.do("whereis", "counter"), undefined);
    assert.equal(await b.do("whereis", "away"), undefined);
    await b.do("register", "counter", "watcher");
    // What is still sent there is nobody's; who asks learns so.
    await b.do("send", "kept", 1);
    assert.equal((await b.failing("call", "kept away", 1)).reason, "noconnection");
    assert.equal(await b.do("info", "kept"), undefined);
    await b.do("recorder", "second watcher", true);
    await b.do("sendPid", "second watcher", "kept", "monitor");
    assert.deepEqual(await recordedBy(b, "second watcher", 1), [down(String(pid), "noconnection")]);
    // The next one gets a number of its own.
    const c = server.spawn();
    assert.notEqual(await c.do("thread"), Number(String(pid).slice(1, 2)) * 1e9);
    assert.equal(await known(c, "counter"), await b.do("whereis", "counter"));
  });
});

test("generations do not see each other: a worker that replaces another one can take its names", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const [old, young, sibling] = [server.spawn(1), server.spawn(2), server.spawn(2)];
  await old.do("counter", "counter");
  const pid = await young.do("counter", "counter");
  assert.equal(await known(sibling, "counter"), pid);
  assert.equal((await sibling.failing("counter", "counter")).code, "NAME_REFUSED");
  assert.equal(await old.do("call", "counter", 1), 1);
  assert.equal(await sibling.do("call", "counter", 2), 2);
  old.process.kill("SIGKILL");
  assert.equal(await sibling.do("call", "counter", 3), 5);
});

test("a process that is no worker is alone, though it has a worker's environment", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const a = server.spawn();
  await a.do("counter", "counter");
  const { place } = server.actors.seat(1, 0);
  const child = server.spawn(1, { HEDDLE_ACTORS: place });
  await child.do("counter", "counter");
  assert.equal(await a.do("call", "counter", 1), 1);
  assert.equal(await child.do("call", "counter", 2), 2);
  assert.equal(server.actors.status.workers, 1);
});
