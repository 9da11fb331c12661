/** Registries with keys and values; the rules of Elixir's Registry. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  exit,
  genServer,
  registry,
  schedulerThreads,
  send,
  sendAfter,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  stop,
  supervisor,
  via,
  whichChildren,
  type Pid,
  type ServerPid,
} from "../../../src/actors/index.ts";
import { counter } from "../../fixtures/actors/counter.ts";
import { newObserver, newPuppet, next, onBothSides, tell, watched } from "../support.ts";

setCrashReporter(() => {});
setSupervisorReporter(() => {});

const sessions = registry<{ room: string }>("sessions");
const topics = registry<number>("topics", { keys: "duplicate" });

onBothSides("a unique key has one actor and a value", async (on) => {
  const anna = await newPuppet(on);
  const ben = await newPuppet(on);
  await sessions.register("anna", anna, { room: "lobby" });
  assert.deepEqual(sessions.lookup("anna"), [{ key: "anna", pid: anna, value: { room: "lobby" } }]);
  assert.equal(sessions.whereis("anna"), anna);
  await assert.rejects(sessions.register("anna", ben), { code: "NAME_REFUSED" });
  await assert.rejects(sessions.register("anna", anna), { code: "NAME_REFUSED" });
  await sessions.register(7, anna);
  assert.deepEqual(sessions.keysOf(anna), ["anna", 7]);
  assert.equal(sessions.size, 2);
  assert.equal(await sessions.setValue("anna", anna, { room: "attic" }), true);
  await tell(anna, { do: "ping" });
  assert.deepEqual(sessions.lookup("anna")[0]!.value, { room: "attic" });
  assert.equal(await sessions.unregister("anna", ben), false);
  assert.equal(await sessions.unregister("anna", anna), true);
  await tell(anna, { do: "ping" });
  assert.deepEqual(sessions.lookup("anna"), []);
  exit(anna, "kill");
  exit(ben, "kill");
});

onBothSides("whoever learns of an actor's end finds its keys free", async (on) => {
  const observer = await newObserver();
  for (let round = 0; round < 5; round++) {
    const pid = await newPuppet(on);
    await sessions.register("taken", pid);
    await tell(observer, { do: "monitor", pid });
    exit(pid, "kill");
    await next(observer);
    assert.equal(sessions.whereis("taken"), undefined);
  }
  exit(observer, "kill");
});

test("of several actors that want one key at once, on several threads, one gets it", async () => {
  const threads = await schedulerThreads();
  const places = ["here" as const, ...threads];
  const pids = await Promise.all([...places, ...places].map((on) => newPuppet(on)));
  const outcomes = await Promise.allSettled(pids.map((pid) => sessions.register("wanted", pid)));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  for (const pid of pids) exit(pid, "kill");
});

onBothSides("a duplicate key has several actors, and a message for all of them", async (on) => {
  const [a, b] = [await newPuppet(), await newPuppet(on)];
  await topics.register("news", a, 1);
  await topics.register("news", b, 2);
  await topics.register("news", b, 3);
  assert.deepEqual(new Set(topics.lookup("news").map(({ value }) => value)), new Set([1, 2, 3]));
  assert.equal(topics.publish("news", "hello"), 3);
  assert.deepEqual([await next(a), await next(b), await next(b)], ["hello", "hello", "hello"]);
  assert.equal(await topics.unregister("news", b), true);
  await tell(b, { do: "ping" });
  assert.deepEqual(
    topics.lookup("news").map(({ pid }) => pid),
    [a],
  );
  exit(a, "kill");
  exit(b, "kill");
});

test("a new thread gets the entries that exist", async () => {
  const pid = await newPuppet();
  await sessions.register("early", pid, { room: "x" });
  const [thread] = await schedulerThreads();
  const far = await spawn(counter, [0], { on: thread! });
  assert.equal(await call(far, { lookup: "early" }), true);
  exit(pid, "kill");
  await stop(far);
});

onBothSides("via() stands wherever a pid or a name may: spawn, call, cast, send, monitor, stop", async (on) => {
  const address = via<ServerPid<["next", number], number>>(sessions, `counter ${on}`, { room: "cellar" });
  const pid = await spawn(counter, [5], { on, name: address });
  assert.equal(sessions.whereis(`counter ${on}`), pid);
  assert.deepEqual(sessions.lookup(`counter ${on}`)[0]!.value, { room: "cellar" });
  assert.equal(await call(address, "next"), 5);
  cast(address, 10);
  assert.equal(await call(address, "next"), 16);
  send(address as Pid, "ignored");
  sendAfter(0, address as Pid, "ignored too");
  await assert.rejects(spawn(counter, [1], { on, name: address }), { code: "NAME_REFUSED" });
  const { reason } = await watched(address as Pid);
  await stop(address);
  assert.equal(await reason, "normal");
  await assert.rejects(call(address, "next"), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
  assert.throws(() => send(address as Pid, 1), { code: "NAME_UNKNOWN", message: /sessions\/counter/ });
  cast(address, 1);
});

test("a supervisor restarts a child under its key", async () => {
  const address = via<ServerPid<["next" | "crash", number]>>(sessions, "supervised");
  const fragile = genServer({
    init: () => 0,
    handleCall: (request: "next" | "crash", n) => {
      if (request === "crash") throw new Error("told to");
      return { reply: n, state: n + 1 };
    },
  });
  const tree = await spawn(supervisor({ children: [{ id: "c", start: [fragile, [], { name: address }] }] }));
  const first = sessions.whereis("supervised");
  await assert.rejects(call(address, "crash"));
  while (sessions.whereis("supervised") === undefined) await new Promise(setImmediate);
  assert.notEqual(sessions.whereis("supervised"), first);
  await whichChildren(tree);
  assert.equal(await call(address, "next"), 0);
  await stop(tree);
});

test("an address may be sent to another thread, with its value", async () => {
  const [thread] = await schedulerThreads();
  const far = await newPuppet(thread);
  const here = await newPuppet();
  await sessions.register("here", here);
  await tell(far, { do: "send", pid: via(sessions, "here"), messages: ["found you"] });
  assert.equal(await next(here), "found you");
  exit(here, "kill");
  exit(far, "kill");
});

test("a value is a copy, for whoever registers and whoever looks up", async () => {
  const pid = await newPuppet();
  const value = { room: "a" };
  await sessions.register("copied", pid, value);
  value.room = "b";
  sessions.lookup("copied")[0]!.value.room = "c";
  assert.equal(sessions.lookup("copied")[0]!.value.room, "a");
  exit(pid, "kill");
});

test("bad keys, values and actors are refused", async () => {
  const pid = await newPuppet();
  const invalid = { code: "ACTOR_INVALID" };
  for (const key of [undefined, null, {}, NaN, Symbol("x")]) {
    await assert.rejects(sessions.register(key as never, pid), invalid);
    assert.throws(() => via(sessions, key as never), invalid);
  }
  await assert.rejects(sessions.register("x", "name" as never), invalid);
  await assert.rejects(sessions.register("x", pid, (() => {}) as never), { code: "NOT_CLONEABLE" });
  assert.throws(() => registry(""), invalid);
  assert.throws(() => registry("sessions", { keys: "duplicate" }), invalid);
  assert.throws(() => via(topics, "news"), invalid);
  exit(pid, "kill");
  await assert.rejects(sessions.register("x", pid), { code: "NAME_REFUSED" });
});
