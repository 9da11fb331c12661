/** The timeouts of gen_statem, each by its name in OTP's manual. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, cast, exit, genStatem, send, spawn, stop, type Pid } from "../../../src/actors/index.ts";
import { fullCollection } from "../../../src/kit/full-collection.ts";
import { openDeadlines } from "../../../src/actors/messaging/deadlines.ts";
import { handled, machine } from "./support.ts";

test("a state timeout is cancelled by a change of state, and not by events", async () => {
  const fired = Promise.withResolvers<void>();
  const before = openDeadlines();
  const { pid, log } = await machine((event) => {
    if (event.type === "stateTimeout") fired.resolve();
    return undefined;
  });
  cast(pid as never, { stateTimeoutMs: 60_000 });
  send(pid, "an event");
  await handled(pid);
  assert.equal(openDeadlines(), before + 1);
  cast(pid as never, { state: "b" });
  await handled(pid);
  assert.equal(openDeadlines(), before);
  cast(pid as never, { state: "c", stateTimeoutMs: 1 });
  await fired.promise;
  assert.equal(log.at(-1), "c stateTimeout");
  await stop(pid);
});

test("an event timeout is cancelled by any event", async () => {
  const fired = Promise.withResolvers<void>();
  const before = openDeadlines();
  const { pid, log } = await machine((event) => {
    if (event.type === "eventTimeout") fired.resolve();
    return undefined;
  });
  cast(pid as never, { eventTimeoutMs: 60_000 });
  await handled(pid);
  assert.equal(openDeadlines(), before + 1);
  send(pid, "an event");
  await handled(pid);
  assert.equal(openDeadlines(), before);
  cast(pid as never, { eventTimeoutMs: 1 });
  await fired.promise;
  assert.equal(log.at(-1), "a eventTimeout");
  // An inserted event cancels it at once.
  cast(pid as never, { eventTimeoutMs: 0, events: ["x"] });
  await handled(pid);
  await handled(pid);
  assert.equal(log.at(-1), "a internal x");
  await stop(pid);
});

test("a named timeout survives changes of state, and can be set again and cancelled", async () => {
  const fired = Promise.withResolvers<void>();
  const before = openDeadlines();
  const { pid, log } = await machine((event) => {
    if (event.type === "timeout" && event.name === "two") fired.resolve();
    return undefined;
  });
  cast(pid as never, { timeouts: { one: 60_000, two: 60_000 } });
  cast(pid as never, { state: "b", timeouts: { one: "cancel" } });
  await handled(pid);
  assert.equal(openDeadlines(), before + 1);
  cast(pid as never, { timeouts: { two: 1 } });
  await fired.promise;
  assert.equal(log.at(-1), "b timeout");
  await stop(pid);
});

test("a timeout of 0 is handled after inserted events and before messages that were not received yet", async () => {
  const { pid, log } = await machine();
  cast(pid as never, { stateTimeoutMs: 0, events: ["inserted"] });
  send(pid, "message");
  await handled(pid);
  assert.deepEqual(log.slice(1), ["a internal inserted", "a stateTimeout", "a info message"]);
  await stop(pid);
});

test("a change of state cancels a state timeout of 0 that was not handled yet; a named one stays", async () => {
  const { pid, log } = await machine((event) => (event.type === "internal" ? { state: "b" } : undefined));
  cast(pid as never, { stateTimeoutMs: 0, timeouts: { named: 0 }, events: ["go"] });
  await handled(pid);
  assert.deepEqual(log.slice(1), ["a internal go", "b timeout"]);
  await stop(pid);
});

test("timeouts and events of init count, and its events cancel its event timeout", async () => {
  const { pid, log } = await machine(undefined, { events: ["one"], stateTimeoutMs: 0, eventTimeoutMs: 0 });
  await handled(pid);
  assert.deepEqual(log, ["a internal one", "a stateTimeout"]);
  await stop(pid);
});

test("a timeout may be postponed, and is retried in the next state", async () => {
  const { pid, log } = await machine((event, state) =>
    event.type === "stateTimeout" && state === "a" ? { postpone: true } : undefined,
  );
  cast(pid as never, { stateTimeoutMs: 0 });
  cast(pid as never, { state: "b" });
  await handled(pid);
  assert.deepEqual(log.slice(1), ["a stateTimeout", "a cast {state:b}", "b stateTimeout"]);
  await stop(pid);
});

test("timeouts end with the machine, also when it is killed", async () => {
  const before = openDeadlines();
  const { pid } = await machine(undefined, { stateTimeoutMs: 60_000, eventTimeoutMs: 60_000, timeouts: { x: 60_000 } });
  await handled(pid);
  assert.equal(openDeadlines(), before + 3);
  exit(pid, "kill");
  assert.equal(openDeadlines(), before);
});

test("a machine keeps nothing of named timeouts that are over or cancelled", async () => {
  const body = genStatem({
    init: () => ({ state: "a", data: 0 }),
    handleEvent: (event, _state, count: number) => {
      if (event.type === "call") return { reply: count };
      if (event.type === "timeout") return { data: count + 1 };
      return event.type === "cast" ? { timeouts: event.message } : undefined;
    },
  });
  const pid = (await spawn(body)) as Pid;
  const usedBy = async (from: number, to: number): Promise<number> => {
    fullCollection();
    const before = process.memoryUsage().heapUsed;
    for (let n = from; n < to; n++) {
      cast(pid as never, { [`soon ${n}`]: 1, [`at once ${n}`]: 0, [`never ${n}`]: 60_000 });
      cast(pid as never, { [`endless ${n}`]: Infinity });
      cast(pid as never, { [`never ${n}`]: "cancel" });
      if (n % 500 === 0) await handled(pid);
    }
    while ((await call(pid as never, "count" as never)) !== 2 * to)
      await new Promise((resolve) => setTimeout(resolve, 1));
    fullCollection();
    return process.memoryUsage().heapUsed - before;
  };
  await usedBy(0, 1000);
  const used = await usedBy(1000, 21_000);
  assert.ok(used < 3_000_000, `${used} bytes for 60,000 timeouts`);
});

test("a named timeout that was postponed leaves the one that was set since", async () => {
  const { pid, log } = await machine((event, state) =>
    event.type === "timeout" && state === "a" ? { postpone: true, timeouts: { t: 60_000 } } : undefined,
  );
  const before = openDeadlines();
  cast(pid as never, { timeouts: { t: 0 } });
  cast(pid as never, { state: "b" });
  await handled(pid);
  assert.deepEqual(log.slice(1), ["a timeout", "a cast {state:b}", "b timeout"]);
  assert.equal(openDeadlines(), before + 1);
  await stop(pid);
  assert.equal(openDeadlines(), before);
});
