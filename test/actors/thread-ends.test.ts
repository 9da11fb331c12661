/** What a thread takes with it when it ends: timers for its actors, its entries in registries, its tables. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  createTable,
  groups,
  openTable,
  processInfo,
  readTimer,
  registry,
  schedulerThreads,
  sendInterval,
  setCrashReporter,
  spawn,
  observe,
  type Pid,
} from "../../src/actors/index.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { reader } from "../fixtures/actors/table-reader.ts";
import { newPuppet, next, tell, watched } from "./support.ts";

setCrashReporter(() => {});
process.on("warning", () => {});

const sessions = registry<number>("thread ends");

async function end(thread: number, victim: Pid): Promise<void> {
  const { reason } = await watched(victim);
  runtime().terminate(thread, new HeddleError("THREAD_DIED", "ended by the test"));
  assert.equal(await reason, "noconnection");
}

test("timers for its actors are over, their keys are free, and its tables are gone, when their end is told", async () => {
  const [thread] = await schedulerThreads();
  const victim = await newPuppet(thread);
  const owner: Pid = await spawn(reader, ["of the thread", true], { on: thread! });
  await call(owner as never, { set: "a", to: 1 } as never);
  const table = await openTable<string, number>("of the thread");
  assert.equal(table.get("a"), 1);
  await sessions.register("victim", victim, 1);
  await groups.join("of victims", victim);
  const timer = sendInterval(60_000, victim, "tick");
  assert.notEqual(readTimer(timer), false);
  await end(thread!, victim);
  assert.equal(readTimer(timer), false);
  assert.deepEqual(sessions.lookup("victim"), []);
  assert.equal(await sessions.unregister("victim", victim), false);
  assert.equal(await groups.leave("of victims", victim), "not_joined");
  assert.equal(await sessions.setValue("victim", victim, 2), false);
  await assert.rejects(sessions.register("again", victim), { code: "ACTOR_NO_THREAD" });
  assert.deepEqual([table.exists, table.size], [false, 0]);
  await assert.rejects(openTable("of the thread"), { code: "TABLE_GONE" });
  // The names are free.
  const heir = await newPuppet();
  await sessions.register("victim", heir, 2);
  await createTable(heir, "of the thread");
});

test("a server forgets the calls of a thread that has ended", async () => {
  const [thread] = await schedulerThreads();
  const [server, caller] = [await newPuppet(), await newPuppet(thread)];
  const asking = tell(caller, { do: "call", pid: server, request: { do: "hold" }, timeoutMs: Infinity });
  asking.catch(() => {});
  await next(server);
  assert.equal((await processInfo(server))!.openCalls, 1);
  await end(thread!, caller);
  assert.equal((await processInfo(server))!.openCalls, 0);
});

test("a table here lives on without the threads that had a copy, and `everywhere` does not wait for them", async () => {
  const [thread] = await schedulerThreads();
  const owner = await newPuppet();
  const table = await createTable<string, number>(owner, "survivor");
  const far: Pid = await spawn(reader, ["survivor"], { on: thread! });
  await table.set("a", 1, { everywhere: true });
  const { reason } = await watched(far);
  const writing = Array.from({ length: 20 }, (_, n) => table.set("a", n, { everywhere: true }));
  runtime().terminate(thread!, new HeddleError("THREAD_DIED", "ended by the test"));
  await Promise.all(writing);
  assert.equal(await reason, "noconnection");
  await table.set("b", 1, { everywhere: true });
  const [another] = await schedulerThreads();
  const next: Pid = await spawn(reader, ["survivor"], { on: another! });
  assert.deepEqual(await call(next as never, { get: "a" } as never), 19);
  assert.ok((await observe()).threads.every(({ responds }) => responds));
});
