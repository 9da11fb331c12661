/** What is sent to actors of other workers: as it was sent, in order, all of it, or refused at the sender. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestServer, type TestWorker, until } from "./support.ts";

const LIMIT = { timeout: 120_000 };

async function pair(server: TestServer): Promise<[TestWorker, TestWorker]> {
  const [a, b] = [server.spawn(), server.spawn()];
  await a.do("recorder", "to");
  await a.do("register", "to", "to");
  await until(
    () => b.do("whereis", "to"),
    (pid) => pid !== undefined,
  );
  return [a, b];
}

async function recorded(worker: TestWorker, count: number): Promise<unknown[]> {
  return await until(
    () => worker.do("recorded", "to") as Promise<unknown[]>,
    ({ length }) => length >= count,
  );
}

test("a message arrives as on another thread, whatever its size, and later ones arrive behind it", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const [a, b] = await pair(server);
  const big = new Uint8Array(5_000_000).map((_, index) => index);
  const error = new TypeError("wrong", { cause: new RangeError("cause") });
  const shared = { twice: 1 };
  const messages: unknown[] = [
    undefined,
    "text with ümläuts",
    1n << 70n,
    { list: [1, undefined, null], map: new Map([[{ key: 1 }, new Set([1])]]), date: new Date(5), pattern: /x/g },
    { first: shared, second: shared, views: [new Float64Array([1.5]), new Uint8Array(0)] },
    big,
    "behind the big one",
    { error },
  ];
  for (const message of messages) await b.do("send", "to", message);
  const got = await recorded(a, messages.length);
  assert.deepEqual(got.slice(0, 7), messages.slice(0, 7));
  assert.deepEqual(got[7], {
    error: {
      name: "TypeError",
      message: "wrong",
      code: undefined,
      isBroken: false,
      cause: { name: "RangeError", message: "cause", code: undefined, isBroken: false, cause: undefined },
    },
  });
  assert.equal(await b.do("sendMoved", "to"), 0);
  assert.deepEqual((await recorded(a, 9))[8], new Uint8Array([1, 2, 3]));
  await b.do("sendLater", "to", "later");
  assert.equal((await recorded(a, 10))[9], "later");
  let deep: unknown = 0;
  for (let depth = 0; depth < 900; depth++) deep = [deep];
  assert.equal(
    ((await b.do("call", "to", deep, 1).catch((failed) => failed)) as { code: string }).code,
    "ACTOR_CALL_TIMEOUT",
  );
});

test("what lives in one process is refused at the sender, and nothing arrives", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const [a, b] = await pair(server);
  for (const kind of ["function", "shared memory", "view of shared memory", "channel", "blob", "port"]) {
    const refused = await b.failing("sendBad", "to", kind);
    assert.equal(refused.code, "NOT_CLONEABLE", `${kind}: ${refused.message}`);
  }
  assert.match((await b.failing("sendBad", "to", "shared memory")).message, /message\.deep\[0\], a SharedArrayBuffer,/);
  const large = await b.failing("sendBad", "to", "large");
  assert.equal(large.code, "ACTOR_MESSAGE_TOO_LARGE");
  await b.do("send", "to", "the only one");
  assert.deepEqual(await recorded(a, 1), ["the only one"]);
});

test("a timer's message that another worker can't get is refused where the timer is set", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const [a, b] = await pair(server);
  await b.do("keep", "pid", "to");
  for (const where of ["to", "pid"]) {
    assert.equal((await b.failing("sendBadLater", where, "shared memory")).code, "NOT_CLONEABLE");
    assert.equal((await b.failing("sendBadAgain", where, "channel")).code, "NOT_CLONEABLE");
    assert.equal((await b.failing("sendBadLater", where, "large")).code, "ACTOR_MESSAGE_TOO_LARGE");
  }
  await b.do("sendLater", "to", "the only one");
  assert.deepEqual(await recorded(a, 1), ["the only one"]);
});

test(
  "a timer goes on, with one warning, if its name passes to a worker that can't get its message",
  LIMIT,
  async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = await pair(server);
    await b.do("recorder", "own");
    await b.do("register", "moves", "own");
    await b.do("sendBadAgain", "moves", "shared memory");
    await until(
      () => b.do("recordedCount", "own") as Promise<number>,
      (count) => count > 0,
    );
    await b.do("unregister", "moves");
    await a.do("recorder", "moved");
    await a.do("register", "moves", "moved");
    await until(
      () => b.do("warnings") as Promise<unknown[]>,
      ({ length }) => length > 0,
    );
    await b.do("send", "moves", "after it");
    await until(
      () => a.do("recorded", "moved") as Promise<unknown[]>,
      ({ length }) => length > 0,
    );
    assert.deepEqual(await a.do("recorded", "moved"), ["after it"]);
    assert.deepEqual(await b.do("warnings"), ["TIMER_MESSAGE_LOST"]);
  },
);

test("each sender's messages arrive in order, from several threads and while others are slow", LIMIT, async (t) => {
  const server = await TestServer.open(t);
  const [a, b] = await pair(server);
  const c = server.spawn();
  await until(
    () => c.do("whereis", "to"),
    (pid) => pid !== undefined,
  );
  const blocked = a.do("block", 300);
  await Promise.all([b.do("sendMany", "to", 20_000), c.do("sendMany", "to", 20_000)]);
  await blocked;
  const got = (await recorded(a, 40_000)) as number[];
  assert.equal(got.length, 40_000);
  // Two rising sequences, mixed.
  let [first, second] = [0, 0];
  for (const number of got) {
    if (number === first) first++;
    else if (number === second) second++;
    else assert.fail(`${number} came when ${first} or ${second} was due`);
  }
});

test(
  "a worker that stands still fills neither the arbiter nor its sender, holds up nobody else, and loses nothing",
  LIMIT,
  async (t) => {
    const server = await TestServer.open(t);
    const [a, b] = await pair(server);
    const c = server.spawn();
    await c.do("counter", "counter");
    await until(
      () => b.do("whereis", "counter"),
      (pid) => pid !== undefined,
    );
    a.process.kill("SIGSTOP");
    const before = process.memoryUsage();
    const refused = await b.failing("flood", "to", 100_000);
    assert.equal(refused.code, "ACTOR_LINK_FULL");
    assert.match(refused.message, /more than 16 MiB wait here for thread 0 of worker 1,/);
    assert.equal((await b.failing("call", "to", 1, 60_000)).code, "ACTOR_LINK_FULL");
    assert.equal(await b.do("publish", "nobody", 1), 0);
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers + after.external - before.arrayBuffers - before.external < 8 * 2 ** 20);
    assert.equal(await b.do("call", "counter", 1), 1);
    a.process.kill("SIGCONT");
    const got = await recorded(a, 160);
    assert.ok(got.every((message) => (message as Uint8Array).length === 100_000));
    // It takes messages again.
    await until(
      () =>
        b.do("send", "to", "again").then(
          () => true,
          () => false,
        ),
      (isSent) => isSent,
    );
    await until(
      () => a.do("recorded", "to") as Promise<unknown[]>,
      (messages) => messages.at(-1) === "again",
    );
  },
);
