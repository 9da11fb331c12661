/** A worker that is replaced in its generation, and its replacement: both have an actor of the same name for a while. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TestServer, type TestWorker, until } from "./support.ts";

const LIMIT = { timeout: 180_000 };
const SLOT = 0;

/** An actor that has a name and a unique key. Returns its pid. */
async function keeper(worker: TestWorker): Promise<string> {
  const pid = (await worker.do("counter", "keeper")) as string;
  await worker.do("registerKey", "unique", "key", "keeper", pid);
  return pid;
}

/** What the worker takes for the keeper, by name and by key. */
async function seen(worker: TestWorker): Promise<unknown[]> {
  const byKey = (await worker.do("lookup", "unique", "key")) as [pid: string, value: string][];
  return [await worker.do("whereis", "keeper"), ...byKey.flat()];
}

async function sees(worker: TestWorker, pid: string): Promise<void> {
  const expected = JSON.stringify([pid, pid, pid]);
  await until(
    () => seen(worker),
    (now) => JSON.stringify(now) === expected,
  );
}

/** A worker that is replaced, its replacement, and another worker. */
async function replacedIn(server: TestServer) {
  const [old, other] = [server.spawn(1, undefined, SLOT), server.spawn()];
  const first = await keeper(old);
  await sees(other, first);
  const young = server.spawn(1, undefined, SLOT);
  const second = await keeper(young);
  await sees(young, second);
  return { old, young, other, first, second };
}

describe("a worker that is replaced", LIMIT, () => {
  test("keeps its names until it ends, to all but its replacement; then that one has them", async (t) => {
    const server = await TestServer.open(t);
    const { old, young, other, first, second } = await replacedIn(server);
    // Also one that comes in now is told of the holder alone.
    const late = server.spawn();
    for (const worker of [old, other, late]) await sees(worker, first);
    assert.equal(await late.do("call", "keeper", 1), 1);
    assert.equal(await other.do("call", "keeper", 1), 2);
    assert.equal(await old.do("call", "keeper", 1), 3);
    assert.equal(await young.do("call", "keeper", 10), 10);
    assert.deepEqual([await seen(other), await seen(late)], [await seen(old), await seen(old)]);
    await other.do("recorder", "other");
    const refused = await other.failing("register", "keeper", "other");
    assert.equal(refused.code, "NAME_REFUSED");
    assert.match(refused.hint!, /singleton\(name, …\) of heddle\/actors.*isFirst/);
    assert.match((await other.failing("registerKey", "unique", "key", "other")).hint!, /singleton/);
    assert.equal(server.actors.status.names, 2);

    // Who gets the DOWN message never finds the dead one.
    await other.do("keep", "old keeper", "keeper");
    await other.do("recorder", "watcher");
    await other.do("sendPid", "watcher", "old keeper", "monitor");
    old.process.kill("SIGKILL");
    await until(
      () => other.do("recorded", "watcher") as Promise<unknown[]>,
      ({ length }) => length > 0,
    );
    const found = await seen(other);
    assert.ok(!found.includes(first), JSON.stringify(found));
    for (const worker of [young, other, late]) await sees(worker, second);
    assert.equal(await other.do("call", "keeper", 1), 11);
    assert.equal(server.actors.status.names, 2);
    young.process.kill("SIGKILL");
    await until(
      () => seen(other),
      (now) => now.length === 1 && now[0] === undefined,
    );
    await other.do("register", "keeper", "other");
  });

  test("has lost nothing when its replacement ends first, or gives the name back; the next one waits again", async (t) => {
    const server = await TestServer.open(t);
    const { old, young, other, first } = await replacedIn(server);
    young.process.kill("SIGKILL");
    const next = server.spawn(1, undefined, SLOT);
    const third = await keeper(next);
    await sees(next, third);
    // In the same turn there: its own is gone, the other one is back.
    await next.do("unregister", "keeper");
    await next.do("unregisterKey", "unique", "key", "keeper");
    for (const worker of [old, other, next]) await sees(worker, first);
    assert.equal(await next.do("call", "keeper", 1), 1);
    await next.do("register", "keeper", "keeper");
    await next.do("registerKey", "unique", "key", "keeper", third);
    await sees(next, third);
    assert.deepEqual(await seen(other), [first, first, first]);
    next.booted();
    // The old one's names are released while it lives: the replacement has them, for the old one, too.
    await old.do("unregister", "keeper");
    await old.do("unregisterKey", "unique", "key", "keeper");
    for (const worker of [old, other, next]) await sees(worker, third);
    assert.equal((await old.failing("register", "keeper", "keeper")).code, "NAME_REFUSED");
    assert.equal(await old.do("call", "keeper", 5), 5);
  });

  test("may give its names back and take them again as long as its replacement boots, and no longer", async (t) => {
    const server = await TestServer.open(t);
    const { old, young, other, first, second } = await replacedIn(server);
    await old.do("unregister", "keeper");
    await old.do("register", "keeper", "keeper");
    await old.do("unregisterKey", "unique", "key", "keeper");
    await old.do("registerKey", "unique", "key", "keeper", first);
    for (const worker of [old, other]) await sees(worker, first);
    await sees(young, second);
    await old.do("unregister", "keeper");
    await old.do("unregisterKey", "unique", "key", "keeper");
    young.booted();
    for (const worker of [old, other, young]) await sees(worker, second);
    assert.equal((await old.failing("register", "keeper", "keeper")).code, "NAME_REFUSED");
  });

  test("may be a replacement itself: names pass from one to the next", async (t) => {
    const server = await TestServer.open(t);
    const { old, young, other, first } = await replacedIn(server);
    const last = server.spawn(1, undefined, SLOT);
    const third = await keeper(last);
    young.process.kill("SIGKILL");
    await sees(last, third);
    await sees(other, first);
    old.process.kill("SIGKILL");
    await sees(other, third);
    await sees(last, third);
  });
});
