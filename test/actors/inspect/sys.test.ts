/** getState, replaceState, suspend, resume and trace, for servers of all kinds. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  dynamicSupervisor,
  exit,
  genServer,
  getState,
  replaceState,
  resume,
  send,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  stop,
  supervisor,
  suspend,
  trace,
  type Pid,
  type Self,
  type TraceEvent,
} from "../../../src/actors/index.ts";
import { counter } from "../../fixtures/actors/counter.ts";
import { onBothSides } from "../support.ts";

setCrashReporter(() => {});
setSupervisorReporter(() => {});

onBothSides("getState gives a copy of the state, in order with other messages", async (on) => {
  const pid = await spawn(counter, [1], { on });
  cast(pid, 4);
  assert.equal(await getState(pid), 5);
  await stop(pid);
  await assert.rejects(getState(pid), { code: "ACTOR_CALL_FAILED" });
});

onBothSides("replaceState changes the state between two callbacks", async (on) => {
  const pid = await spawn(counter, [1], { on });
  await replaceState<number>(pid, (n) => n * 100);
  assert.equal(await call(pid, "next"), 100);
  const broken = replaceState(pid, () => {
    throw new Error("no");
  });
  await assert.rejects(broken, /no/);
  assert.equal(await call(pid, "next"), 101);
  await stop(pid);
});

onBothSides("a state that changes meanwhile is not overwritten", async (on) => {
  const pid = await spawn(counter, [0], { on });
  const adding = Array.from({ length: 20 }, () => replaceState<number>(pid, (n) => n + 1));
  for (let i = 0; i < 20; i++) cast(pid, 100);
  await Promise.all(adding);
  assert.equal(await getState(pid), 2020);
  await stop(pid);
});

test("a state that cannot be copied is an error for whoever asks, and can be replaced on its thread", async () => {
  const server = genServer({
    init: () => ({ run: () => 1 }),
    handleCall: (_request: "run", state) => ({ reply: state.run() }),
  });
  const pid = await spawn(server);
  await assert.rejects(getState(pid), { code: "NOT_CLONEABLE" });
  await replaceState(pid, () => ({ run: () => 2 }));
  assert.equal(await call(pid, "run"), 2);
  await stop(pid);
});

onBothSides("a suspended server handles nothing but such requests, and goes on where it was", async (on) => {
  const pid = await spawn(counter, [1], { on });
  await suspend(pid);
  cast(pid, 1);
  cast(pid, 1);
  await assert.rejects(call(pid, "next", 0), { code: "ACTOR_CALL_TIMEOUT" });
  assert.equal(await getState(pid), 1);
  await replaceState<number>(pid, (n) => n + 10);
  await resume(pid);
  await resume(pid);
  assert.equal(await getState(pid), 14);
  await stop(pid);
});

test("a suspended server can be stopped and killed, and ends with its parent", async () => {
  for (const end of [(pid: Pid) => stop(pid), async (pid: Pid) => exit(pid, "kill")]) {
    const pid = (await spawn(counter, [1])) as Pid;
    await suspend(pid);
    await end(pid);
    await assert.rejects(getState(pid), { code: "ACTOR_CALL_FAILED" });
  }
  const trapping = genServer({
    init: (self) => {
      self.trapExit = true;
      return 0;
    },
    terminate: (reason) => ended.resolve(reason),
  });
  const ended = Promise.withResolvers<unknown>();
  await spawn(async (self: Self) => {
    await suspend(await spawn(trapping, [], { link: self.pid }));
    self.exit("done");
  });
  assert.equal(await ended.promise, "done");
});

onBothSides("trace tells of messages, replies and states, until it is ended", async (on) => {
  const pid = await spawn(counter, [1], { on });
  const events: TraceEvent[] = [];
  const end = await trace(pid, (event) => events.push(event));
  cast(pid, 4);
  await call(pid, "next");
  send(pid as Pid, { note: 1 });
  while (events.length < 7) await new Promise(setImmediate);
  const texts = events.map(({ what, value }) => [what, (value as { type?: string }).type ?? value]);
  assert.deepEqual(texts, [
    ["in", "cast"],
    ["state", 5],
    ["in", "call"],
    ["reply", 5],
    ["state", 6],
    ["in", { note: 1 }],
    ["state", 6],
  ]);
  assert.equal(events[0]!.server, pid);
  await end();
  await call(pid, "next");
  await getState(pid);
  assert.equal(events.length, 7);
  await end();
  const again = await trace(pid, (event) => events.push(event));
  exit(pid, "gone");
  while (events.at(-1)!.what !== "down") await new Promise(setImmediate);
  assert.equal(events.at(-1)!.value, "gone");
  await again();
});

test("supervisors show their children, can be suspended, and their state cannot be replaced", async () => {
  const tree = await spawn(supervisor({ children: [{ id: "c", start: [counter, [1]] }] }));
  const { strategy, children } = await getState<{ strategy: string; children: { id: string; pid: Pid }[] }>(tree);
  assert.deepEqual([strategy, children.map(({ id }) => id)], ["one_for_one", ["c"]]);
  await suspend(tree);
  exit(children[0]!.pid, "kill");
  type State = { children: { pid: Pid }[] };
  assert.equal((await getState<State>(tree)).children[0]!.pid, children[0]!.pid);
  await resume(tree);
  const state = await getState<State>(tree);
  assert.notEqual(state.children[0]!.pid, children[0]!.pid);
  await assert.rejects(
    replaceState(tree, () => 1),
    { code: "ACTOR_INVALID" },
  );
  await stop(tree);
  const dynamic = await spawn(dynamicSupervisor({ child: { start: [counter] } }));
  assert.deepEqual(await getState(dynamic), { strategy: "simple_one_for_one", children: [] });
  await stop(dynamic);
});

test("an actor that is not a server does not answer, and the request ends at its time", async () => {
  const pid = await spawn(async (self: Self) => self.receive((message) => message === "end"));
  await assert.rejects(getState(pid, 1), { code: "ACTOR_CALL_TIMEOUT" });
  exit(pid, "kill");
  await assert.rejects(getState("nobody"), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
});
