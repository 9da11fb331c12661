/** The rules of gen_statem, each by its name in OTP's manual. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  exit,
  genStatem,
  getState,
  ignore,
  replaceState,
  reply,
  send,
  setCrashReporter,
  spawn,
  stop,
  resume,
  suspend,
  type From,
  type Pid,
  type Self,
  type StateEvent,
} from "../../../src/actors/index.ts";
import { onBothSides, settled, watched } from "../support.ts";
import { door } from "../../fixtures/actors/door.ts";
import { handled, machine } from "./support.ts";

setCrashReporter(() => {});

onBothSides("a door with a code lock opens, locks itself again, and postpones what it cannot do yet", async (on) => {
  const pid = await spawn(door, ["1234"], { on });
  assert.equal(await call(pid, "look"), "locked");
  const pushed = call(pid, "push");
  cast(pid, "9999");
  cast(pid, "1234");
  assert.equal(await pushed, "you are in");
  assert.equal(await call(pid, "look"), "open");
  assert.equal(await call(pid, "waitUntilLocked"), "locked again");
  await stop(pid);
});

test("a postponed event is retried after a change of state, oldest first, before newer events", async () => {
  const { pid, log } = await machine((event, state) => {
    if (event.type === "info" && state === "a") return { postpone: true };
    return undefined;
  });
  send(pid, 1);
  send(pid, 2);
  cast(pid as never, { state: "a", data: 1 });
  cast(pid as never, { state: "b" });
  send(pid, 3);
  await handled(pid);
  assert.deepEqual(log, [
    "a info 1",
    "a info 2",
    "a cast {state:a,data:1}",
    "a cast {state:b}",
    "b info 1",
    "b info 2",
    "b info 3",
  ]);
  await stop(pid);
});

test("an event that is postponed and changes the state is retried at once, in the new state", async () => {
  const { pid, log } = await machine((event, state) =>
    event.type === "info" && state === "a" ? { state: "b", postpone: true } : undefined,
  );
  send(pid, 1);
  await handled(pid);
  assert.deepEqual(log, ["a info 1", "b info 1"]);
  await stop(pid);
});

test("a machine may postpone and insert as many events as a mailbox holds", async () => {
  const many = 150_000;
  const body = genStatem({
    init: () => ({ state: "a", data: 0 }),
    states: {
      a: (event) => {
        if (event.type !== "cast") return { postpone: true };
        return { state: "b", events: Array.from({ length: many }, (_, n) => n) };
      },
      // As long as they come in order, the data is how many have come.
      b: (event, n) => {
        if (event.type === "call") return { reply: n };
        return { data: "message" in event && event.message === n ? n + 1 : n };
      },
    },
  });
  const pid = await spawn(body);
  for (let n = 0; n < many; n++) send(pid, many + n);
  cast(pid, "go");
  assert.equal(await call(pid, "count", Infinity), 2 * many);
  await stop(pid);
});

test("inserted events go before postponed and newer ones, in the order in which they were inserted", async () => {
  const { pid, log } = await machine((event, state) =>
    event.type === "info" && state === "a" ? { postpone: true } : undefined,
  );
  send(pid, "postponed");
  cast(pid as never, { state: "b", events: ["first", "second"] });
  send(pid, "newer");
  await handled(pid);
  assert.deepEqual(log.slice(2), ["b internal first", "b internal second", "b info postponed", "b info newer"]);
  await stop(pid);
});

test("a suspended machine keeps the events that wait in it", async () => {
  const { pid, log } = await machine((event) => (event.type === "info" ? { events: [1, 2, 3] } : undefined));
  send(pid, "go");
  await suspend(pid);
  for (let i = 0; i < 3; i++) await getState(pid);
  await resume(pid);
  await handled(pid);
  assert.deepEqual(log, ["a info go", "a internal 1", "a internal 2", "a internal 3"]);
  await stop(pid);
});

test("enter calls: at the start, at each change of state, and when it is repeated; not when the state stays", async () => {
  const { pid, log } = await machine(undefined, {}, true);
  cast(pid as never, { state: "a" });
  cast(pid as never, { state: "b", events: ["behind"] });
  cast(pid as never, { reenter: true });
  await handled(pid);
  assert.deepEqual(log, [
    "a enter",
    "a cast {state:a}",
    "a cast {state:b,events:[behind]}",
    "b enter",
    "b internal behind",
    "b cast {reenter:true}",
    "b enter",
  ]);
  await stop(pid);
});

test("an enter call that changes the state, postpones or inserts ends the machine", async () => {
  for (const answer of [{ state: "c" }, { postpone: true }, { events: [1] }]) {
    const { pid } = await machine(
      (event) => (event.type === "enter" && event.from === "a" ? undefined : undefined),
      {},
      true,
    );
    await handled(pid);
    await stop(pid);
    const bad = await machine(
      (event, state) => (event.type === "enter" && state === "b" ? answer : undefined),
      {},
      true,
    );
    const { reason } = await watched(bad.pid);
    cast(bad.pid as never, { state: "b" });
    assert.equal(((await reason) as { code: string }).code, "ACTOR_BAD_RETURN");
  }
});

test("a call may be replied to at once, later, or from another state", async () => {
  const { pid } = await machine((event, _state, data: From) => {
    if (event.type === "call" && event.request === "later") return { data: event.from };
    if (event.type === "call") return { reply: "now" };
    if (event.type === "info") return { state: "b", replies: [[data, "later"]] };
    return undefined;
  });
  const later = call(pid as never, "later" as never);
  assert.equal(await call(pid as never, "now" as never), "now");
  send(pid, "go");
  assert.equal(await later, "later");
  const outside = Promise.withResolvers<From>();
  const other = await machine((event) => {
    if (event.type === "call") outside.resolve(event.from);
    return undefined;
  });
  const answered = call(other.pid as never, "x" as never);
  reply(await outside.promise, "by another");
  assert.equal(await answered, "by another");
  await stop(pid);
  await stop(other.pid);
});

test("states that are objects are the same if they are deeply equal", async () => {
  const { pid, log } = await machine(undefined, { state: { at: 1 } }, true);
  cast(pid as never, { state: { at: 1 } });
  cast(pid as never, { state: { at: 2 } });
  await handled(pid);
  assert.deepEqual(
    log.map((line) => line.split(" ")[1]),
    ["enter", "cast", "cast", "enter"],
  );
  await stop(pid);
});

test("stop with a reply: the reply is sent, terminate runs, and the machine exits with the reason", async () => {
  const ended = Promise.withResolvers<unknown[]>();
  const body = genStatem({
    init: () => ({ state: "on" as const, data: 7 }),
    states: { on: (event) => (event.type === "call" ? { stop: "enough", reply: "bye", data: 8 } : undefined) },
    terminate: (reason, state, data) => ended.resolve([reason, state, data]),
  });
  const pid = await spawn(body);
  const { reason } = await watched(pid as Pid);
  assert.equal(await call(pid, "end"), "bye");
  assert.deepEqual(await ended.promise, ["enough", "on", 8]);
  assert.equal(await reason, "enough");
});

test("a machine that throws, or answers what it must not, exits with that reason after terminate", async () => {
  for (const [answer, code] of [
    [7, "ACTOR_BAD_RETURN"],
    [{ reply: 1 }, "ACTOR_BAD_RETURN"],
    [{ stateTimeoutMs: "soon" }, "ACTOR_BAD_RETURN"],
    [{ state: "nowhere" }, "ACTOR_BAD_RETURN"],
  ] as const) {
    const body = genStatem({
      init: () => ({ state: "on", data: 0 }),
      states: { on: (event: StateEvent) => (event.type === "cast" ? (answer as never) : undefined) },
    });
    const pid = (await spawn(body)) as Pid;
    const { reason } = await watched(pid);
    cast(pid as never, 1);
    cast(pid as never, 2);
    assert.equal(((await reason) as { code: string }).code, code);
  }
});

test("init may ignore, or fail; a machine without states is refused where it is made", async () => {
  await assert.rejects(spawn(genStatem({ init: () => ignore, states: {} })), { reason: "ignore" });
  await assert.rejects(spawn(genStatem({ init: () => 5 as never, states: {} })), {
    code: "ACTOR_START_FAILED",
  });
  assert.throws(() => genStatem({ init: () => ({ state: "a", data: 0 }) } as never), { code: "ACTOR_INVALID" });
});

test("a machine that traps exits ends when its parent does, and terminate runs", async () => {
  const ended = Promise.withResolvers<unknown>();
  const body = genStatem({
    init: (self) => {
      self.trapExit = true;
      return { state: "on" as const, data: 0 };
    },
    states: { on: () => {} },
    terminate: (reason) => ended.resolve(reason),
  });
  await spawn(async (self: Self) => {
    await spawn(body, [], { link: self.pid });
    self.exit("the parent is done");
  });
  assert.equal(await ended.promise, "the parent is done");
});

test("a machine that inserts events for ever starves nobody, and can be ended", async () => {
  const { pid, log } = await machine((event) => (event.type === "internal" ? { events: ["again"] } : undefined));
  cast(pid as never, { events: ["again"] });
  while (log.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  exit(pid, "kill");
  const { length } = log;
  await new Promise(setImmediate);
  assert.equal(log.length, length);
});

test("getState shows state and data, and replaceState changes both", async () => {
  const { pid, log } = await machine();
  assert.deepEqual(await getState(pid), { state: "a", data: 0 });
  await replaceState(pid, () => ({ state: "b", data: 5 }));
  send(pid, "x");
  await handled(pid);
  assert.deepEqual(log, ["b info x"]);
  await assert.rejects(
    replaceState(pid, () => 7),
    { code: "ACTOR_INVALID" },
  );
  await stop(pid);
});

for (const reason of ["kill", "broken"]) {
  test(`a machine that gets the exit ${reason} while a callback waits calls no other callback, and does not reply`, async () => {
    for (const answer of [{ state: "b", reply: "done" }, { stop: "normal" }]) {
      const begun = Promise.withResolvers<void>();
      const mayAnswer = Promise.withResolvers<void>();
      const log: string[] = [];
      const body = genStatem({
        init: () => ({ state: "a", data: 0 }),
        enterCalls: true,
        handleEvent: async (event, state) => {
          log.push(`${state} ${event.type}`);
          if (event.type === "enter") return undefined;
          begun.resolve();
          await mayAnswer.promise;
          return answer;
        },
        terminate: () => void log.push("terminate"),
      });
      const pid = await spawn(body);
      const failed = assert.rejects(call(pid, "go"), { reason: reason === "kill" ? "killed" : "broken" });
      await begun.promise;
      exit(pid, reason);
      mayAnswer.resolve();
      await failed;
      await settled();
      assert.deepEqual(log, ["a enter", "a call"]);
    }
  });
}

test("a machine that is killed while its init waits calls no callback", async () => {
  const begun = Promise.withResolvers<Pid>();
  const mayGoOn = Promise.withResolvers<void>();
  const log: string[] = [];
  const body = genStatem({
    init: async (self: Self) => {
      begun.resolve(self.pid);
      await mayGoOn.promise;
      return { state: "a", data: 0 };
    },
    enterCalls: true,
    handleEvent: (event) => void log.push(event.type),
  });
  const failed = assert.rejects(spawn(body), { code: "ACTOR_START_FAILED" });
  exit(await begun.promise, "kill");
  mayGoOn.resolve();
  await failed;
  await settled();
  assert.deepEqual(log, []);
});
