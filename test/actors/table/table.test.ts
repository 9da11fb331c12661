/** What tables promise. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  createTable,
  exit,
  openTable,
  schedulerThreads,
  spawn,
  stop,
  TableMessage,
  type Pid,
  type Self,
  type Table,
  type TableOptions,
} from "../../../src/actors/index.ts";
import { reader } from "../../fixtures/actors/table-reader.ts";
import { exitOf, newObserver, newPuppet, next, tell } from "../support.ts";

let lastName = 0;

async function newTable(options?: TableOptions): Promise<{ owner: Pid; table: Table<string | number>; name: string }> {
  const name = `table ${++lastName}`;
  const owner = await newPuppet();
  return { owner, name, table: await createTable(owner, name, options) };
}

/** An actor on another thread that has opened the table. */
async function farReader(name: string): Promise<Pid> {
  const [thread] = await schedulerThreads();
  return await spawn(reader, [name], { on: thread! });
}

const ask = (pid: Pid, request: unknown): Promise<any> => call(pid as never, request as never);

test("what was written is read when the write's promise resolves", async () => {
  const { owner, table } = await newTable();
  await table.set("a", { n: [1] });
  assert.deepEqual(table.get("a"), { n: [1] });
  assert.equal(table.has("a"), true);
  assert.equal(await table.insertNew("a", 2), false);
  assert.equal(await table.insertNew("b", 2), true);
  assert.equal(await table.add("hits", 2), 2);
  assert.equal(await table.add("hits", -5), -3);
  assert.deepEqual(
    [...table],
    [
      ["a", { n: [1] }],
      ["b", 2],
      ["hits", -3],
    ],
  );
  assert.equal(await table.delete("a"), true);
  assert.equal(await table.delete("a"), false);
  assert.deepEqual(table.keys(), ["b", "hits"]);
  await table.clear();
  assert.deepEqual([table.size, table.get("b")], [0, undefined]);
  exit(owner, "kill");
});

test("a value is a copy for the writer, and for each reader that could change it", async () => {
  const { owner, table } = await newTable();
  const value = { list: [1], map: new Map([["k", 1]]) };
  await table.set("a", value);
  value.list.push(2);
  const read = table.get("a");
  read.map.set("k", 2);
  read.list.push(3);
  await table.set("plain", { deep: { n: 1 } });
  // Plain data is shared by all readers of a thread, and frozen.
  assert.throws(() => (table.get("plain").deep.n = 2), TypeError);
  assert.deepEqual(table.get("a"), { list: [1], map: new Map([["k", 1]]) });
  exit(owner, "kill");
});

test("another thread reads without messages what the owner has written, and pids stay pids", async () => {
  const { owner, table, name } = await newTable();
  await table.set("before", 1);
  const far = await farReader(name);
  assert.deepEqual(await ask(far, { get: "before" }), 1);
  // A message from the owner's thread comes after the writes before it.
  await table.set("pid", { of: owner });
  assert.equal((await ask(far, { get: "pid" })).of, owner);
  assert.equal(await ask(far, { same: "pid", as: owner }), true);
  await table.delete("before");
  assert.equal(await ask(far, "size"), 1);
  exit(owner, "kill");
  exit(far, "kill");
});

test("a protected table is written only by what createTable returned; a public one by all", async () => {
  const guarded = await newTable();
  const opened = await openTable(guarded.name);
  await assert.rejects(opened.set("a", 1), { code: "TABLE_REFUSED" });
  const far = await farReader(guarded.name);
  assert.equal(await ask(far, { set: "a", to: 1 }), "TABLE_REFUSED");
  const open = await newTable({ access: "public" });
  const writer = await farReader(open.name);
  assert.equal(await ask(writer, { set: "a", to: 1 }), "written");
  // It was written at the home before the promise resolved there.
  assert.equal(open.table.get("a"), 1);
  for (const pid of [guarded.owner, open.owner, far, writer]) exit(pid, "kill");
});

test("of writers on several threads that race, one inserts, and no addition is lost", async () => {
  const { owner, name, table } = await newTable({ access: "public" });
  const threads = await schedulerThreads();
  const writers = await Promise.all([...threads, ...threads].map((on) => spawn(reader, [name], { on })));
  const inserted = await Promise.all(writers.map((pid) => ask(pid, { insert: "lock" })));
  assert.equal(inserted.filter(Boolean).length, 1);
  await Promise.all(writers.map((pid) => ask(pid, { addTimes: 50 })));
  assert.equal(table.get("sum"), 50 * writers.length);
  for (const pid of [...writers, owner]) exit(pid, "kill");
});

test("with `everywhere`, all threads read the new value when the promise resolves", async () => {
  const { owner, table, name } = await newTable({ access: "public" });
  const threads = await schedulerThreads();
  const readers = await Promise.all(threads.map((on) => spawn(reader, [name], { on })));
  const writer = readers[0] as Pid;
  for (let n = 0; n < 20; n++) {
    assert.equal(await ask(writer, { set: "n", to: n, everywhere: true }), "written");
    assert.equal(table.get("n"), n);
    for (const each of readers) assert.equal(await ask(each, { get: "n" }), n);
  }
  for (const pid of [...readers, owner]) exit(pid, "kill");
});

test("each copy goes through the same states in the same order", async () => {
  const { owner, table, name } = await newTable();
  const far = await farReader(name);
  const watched = ask(far, { watch: 300 });
  for (let n = 1; n <= 300; n++) {
    await table.set("a", n);
    await table.set("b", n);
  }
  assert.deepEqual(await watched, { broken: 0, last: 300 });
  exit(owner, "kill");
  exit(far, "kill");
});

test("when its owner exits the table is gone, before anyone is told of the exit, on all threads", async () => {
  const { owner, table, name } = await newTable();
  await table.set("a", 1);
  const far = await farReader(name);
  const observer = await newObserver();
  await tell(observer, { do: "monitor", pid: owner });
  exit(owner, "kill");
  await next(observer);
  assert.deepEqual([table.exists, table.get("a"), table.size], [false, undefined, 0]);
  await assert.rejects(table.set("a", 2), { code: "TABLE_GONE" });
  await assert.rejects(openTable(name), { code: "TABLE_GONE" });
  assert.deepEqual(await ask(far, "exists"), false);
  // The name is free, and a new table has nothing to do with the old one.
  const heir = await newPuppet();
  const again = await createTable<string, number>(heir, name);
  await again.set("b", 1);
  assert.deepEqual([table.exists, await ask(far, "exists")], [false, false]);
  for (const pid of [heir, observer, far]) exit(pid, "kill");
});

test("an heir gets the table and is told so", async () => {
  const told = Promise.withResolvers<unknown>();
  const heir = await spawn(async (self: Self) => {
    told.resolve(await self.receive());
    await self.receive();
  });
  const { owner, table, name } = await newTable({ heir });
  await table.set("a", 1);
  exit(owner, "kill");
  const message = (await told.promise) as TableMessage;
  assert.ok(message instanceof TableMessage);
  assert.deepEqual([message.table, message.from], [name, owner]);
  assert.equal(table.get("a"), 1);
  exit(heir, "kill");
  assert.equal(table.exists, false);
});

test("a table on another thread is opened there, and is gone with its owner", async () => {
  const [thread] = await schedulerThreads();
  const far: Pid = await spawn(reader, ["own table", true], { on: thread! });
  assert.equal(await ask(far, { set: "a", to: 5 }), "written");
  const table = await openTable<string, number>("own table");
  assert.equal(table.get("a"), 5);
  await assert.rejects(table.set("a", 6), { code: "TABLE_REFUSED" });
  const gone = exitOf(far);
  await stop(far);
  await gone;
  assert.equal(table.exists, false);
  await assert.rejects(openTable("own table"), { code: "TABLE_GONE" });
});

test("bad arguments of tables are refused", async () => {
  const { owner, table, name } = await newTable();
  const invalid = { code: "ACTOR_INVALID" };
  for (const key of [undefined, null, {}, NaN]) await assert.rejects(table.set(key as never, 1), invalid);
  await assert.rejects(table.add("a", "1" as never), invalid);
  await table.set("text", "x");
  await assert.rejects(table.add("text", 1), invalid);
  await assert.rejects(
    table.set("a", () => {}),
    { code: "NOT_CLONEABLE" },
  );
  await assert.rejects(createTable(owner, name), { code: "TABLE_REFUSED" });
  await assert.rejects(createTable(owner, ""), invalid);
  await assert.rejects(createTable("name" as never, "t"), invalid);
  await assert.rejects(createTable(owner, "t", { access: "private" as never }), invalid);
  const [thread] = await schedulerThreads();
  const far = await newPuppet(thread);
  await assert.rejects(createTable(far, "t"), invalid);
  await assert.rejects(createTable(owner, "t", { heir: far }), invalid);
  exit(owner, "kill");
  exit(far, "kill");
  await assert.rejects(
    createTable(owner, "late").then((late) => late.set("a", 1)),
    { code: "TABLE_GONE" },
  );
});

test("a table that has a new owner on another thread has nothing to do with the old one there", async () => {
  const threads = await schedulerThreads();
  for (let round = 0; round < 40; round++) {
    const name = `moved table ${round}`;
    const [from, to] = round % 2 === 0 ? threads : threads.toReversed();
    const first: Pid = await spawn(reader, [name, true], { on: from! });
    const before = await openTable<string, number>(name);
    const there: Pid = await spawn(reader, [name], { on: to! });
    assert.equal(await ask(first, { set: "a", to: 1, everywhere: true }), "written");
    exit(first, "kill");
    let second: Pid | undefined;
    // The name is free a moment later.
    while (second === undefined) {
      second = await spawn(reader, [name, true], { on: to! }).catch(() => undefined);
    }
    assert.equal(await ask(second, { set: "b", to: 2, everywhere: true }), "written");
    const after = await openTable<string, number>(name);
    assert.deepEqual([...after], [["b", 2]]);
    assert.deepEqual([before.exists, before.size], [false, 0]);
    assert.deepEqual([await ask(there, "exists"), await ask(there, "size")], [false, 0]);
    for (const pid of [second, there]) exit(pid, "kill");
  }
});
