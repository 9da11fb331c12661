import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cancelTimer,
  exit,
  processInfo,
  readTimer,
  register,
  schedulerThreads,
  send,
  sendAfter,
  sendInterval,
  spawn,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { BarePid } from "../../../src/actors/process/pid.ts";
import { openDeadlines } from "../../../src/actors/messaging/deadlines.ts";
import { exitOf, newObserver, newPuppet, next, onBothSides, tell } from "../support.ts";
import { withClock } from "./mocked-clock.ts";

onBothSides("a message that is sent after a time arrives", async (on) => {
  const pid = await newPuppet(on);
  sendAfter(1, pid, { late: [1] });
  assert.deepEqual(await next(pid), { late: [1] });
  exit(pid, "kill");
});

test("a message arrives at its time and not before, with the value it had when the timer was set", async () => {
  const pid = await newPuppet();
  await withClock(async (skip) => {
    const message = { n: 1 };
    sendAfter(100, pid, message);
    message.n = 2;
    await skip(99);
    assert.deepEqual(await tell(pid, { do: "unseen" }), []);
    await skip(1);
    assert.deepEqual(await tell(pid, { do: "unseen" }), [{ n: 1 }]);
  });
  exit(pid, "kill");
});

test("timers of one duration fire in the order in which they were set", async () => {
  const pid = await newPuppet();
  for (const n of [1, 2, 3]) sendAfter(n === 2 ? -7 : 0, pid, n);
  assert.deepEqual([await next(pid), await next(pid), await next(pid)], [1, 2, 3]);
  exit(pid, "kill");
});

test("a cancelled timer sends nothing, and tells how much time was left", async () => {
  const pid = await newPuppet();
  await withClock(async (skip) => {
    const timer = sendAfter(100, pid, "never");
    await skip(40);
    assert.equal(Math.round(readTimer(timer) as number), 60);
    assert.equal(Math.round(cancelTimer(timer) as number), 60);
    assert.equal(cancelTimer(timer), false);
    assert.equal(readTimer(timer), false);
    await skip(100);
    assert.deepEqual(await tell(pid, { do: "unseen" }), []);
  });
  exit(pid, "kill");
});

test("a timer that has fired cannot be cancelled", async () => {
  const pid = await newPuppet();
  const timer = sendAfter(0, pid, "now");
  await next(pid);
  assert.equal(cancelTimer(timer), false);
  exit(pid, "kill");
});

onBothSides("an interval sends until it is cancelled", async (on) => {
  const pid = await newPuppet(on);
  const timer = sendInterval(1, pid, { tick: true });
  for (let i = 0; i < 3; i++) assert.deepEqual(await next(pid), { tick: true });
  assert.notEqual(cancelTimer(timer), false);
  exit(pid, "kill");
});

test("a timer ends with its actor, and leaves no deadline behind", async () => {
  const before = openDeadlines();
  const pid = await newPuppet();
  const timers = [sendInterval(1, pid, "tick"), sendAfter(60_000, pid, "late"), sendAfter(Infinity, pid, "never")];
  assert.equal(openDeadlines(), before + 2);
  exit(pid, "kill");
  assert.equal(openDeadlines(), before);
  assert.deepEqual(timers.map(cancelTimer), [false, false, false]);
  assert.equal(cancelTimer(sendAfter(5, pid, "too late")), false);
});

test("a timer ends with its actor on another thread", async () => {
  const [thread] = await schedulerThreads();
  const pid = await newPuppet(thread);
  const observer = await newObserver();
  await tell(observer, { do: "monitor", pid });
  const timer = sendInterval(60_000, pid, "tick");
  assert.notEqual(readTimer(timer), false);
  exit(pid, "kill");
  await next(observer);
  assert.equal(readTimer(timer), false);
  // The same for an actor that has gone before.
  const late = sendInterval(60_000, pid, "tick");
  await processInfo(pid);
  assert.equal(readTimer(late), false);
  exit(observer, "kill");
});

test("a timer for an actor whose thread has ended is over at once", async () => {
  const neverWas = 1000;
  assert.equal(cancelTimer(sendInterval(60_000, new BarePid(neverWas, 1), "tick")), false);
  // The same for a pid of this thread that nobody has any more.
  assert.equal(cancelTimer(sendInterval(60_000, new BarePid(0, 1_000_000), "tick")), false);
});

test("a timer for a name looks the name up when it fires", async () => {
  const waiting = Promise.withResolvers<unknown>();
  sendAfter(0, "nobody has this name", 1);
  const timer = sendInterval(1, "timers: later", "found");
  const pid = await spawn(async (self: Self) => waiting.resolve(await self.receive()));
  await register("timers: later", pid).catch(() => {});
  assert.equal(await waiting.promise, "found");
  assert.notEqual(cancelTimer(timer), false);
});

test("a full mailbox drops what a timer sends, and counts it", async () => {
  const pid = await spawn(async (self: Self) => self.receive((message) => message === "end"), [], {
    mailbox: { limit: 1 },
  });
  send(pid, "first");
  const fired = await newPuppet();
  sendAfter(0, pid, "second");
  sendAfter(0, fired, "both have fired");
  await next(fired);
  assert.equal((await processInfo(pid))!.messagesDropped, 1);
  exit(pid, "kill");
  exit(fired, "kill");
});

test("bad arguments of timers are refused where they are given", () => {
  const invalid = { code: "ACTOR_INVALID" };
  assert.throws(() => sendAfter(NaN, "name", 1), invalid);
  assert.throws(() => sendAfter("5" as never, "name", 1), invalid);
  assert.throws(() => sendAfter(5, null as never, 1), invalid);
  assert.throws(() => sendAfter(5, {} as never, 1), invalid);
  for (const everyMs of [0, -1, NaN, Infinity, "5" as never]) {
    assert.throws(() => sendInterval(everyMs, "name", 1), invalid);
  }
  assert.throws(() => sendAfter(5, "name", () => {}), { code: "NOT_CLONEABLE" });
  assert.throws(() => cancelTimer(undefined as never), invalid);
  assert.throws(() => cancelTimer({} as never), invalid);
});

test("an actor may wait longer than a timer of Node can", async () => {
  const pid: Pid = await newPuppet();
  const timer = sendAfter(2 ** 31, pid, "in 24.8 days");
  const leftMs = cancelTimer(timer) as number;
  assert.ok(leftMs > 2 ** 31 - 3_600_000 && leftMs <= 2 ** 31, `${leftMs} ms are left`);
  exit(pid, "normal");
  exit(pid, "kill");
  assert.equal(await exitOf(pid), "noproc");
});
