/** More of Erlang's rules of exit signals and names; each test names its rule. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, exit, groups, send, spawn, thisThreadId, whereis, type Self } from "../../../src/actors/index.ts";
import { internPid } from "../../../src/actors/process/pid.ts";
import { ends, exitOf, newObserver, newPuppet, next, onBothSides, settled, tell } from "../support.ts";

onBothSides("normal is a message to an actor that traps exits, from a link and from anybody", async (on) => {
  const [observer, sender] = [await newObserver(), await newPuppet(on)];
  await tell(sender, { do: "signal", pid: observer, reason: "normal" });
  assert.deepEqual(await next(observer), { type: "EXIT", from: sender, reason: "normal" });
  await tell(observer, { do: "link", pid: sender });
  await ends(sender, { do: "return" });
  assert.deepEqual(await next(observer), { type: "EXIT", from: sender, reason: "normal" });
});

onBothSides("exit(self, 'normal') ends an actor on whatever thread, when it does not trap exits", async (on) => {
  const [watcher, victim] = [await newPuppet(), await newPuppet(on)];
  const ref = await tell(watcher, { do: "monitor", pid: victim });
  await ends(victim, { do: "signal", pid: victim, reason: "normal" });
  assert.deepEqual(await next(watcher), { type: "DOWN", ref, pid: victim, reason: "normal" });
});

onBothSides(
  "who does not trap exits dies with a link's reason: killed if that was killed, kill if that was it",
  async (on) => {
    for (const [reason, how] of [
      ["killed", "signal"],
      ["kill", "exit"],
    ] as const) {
      const [watcher, linked, first] = [await newPuppet(), await newPuppet(), await newPuppet(on)];
      await tell(linked, { do: "link", pid: first });
      await tell(watcher, { do: "monitor", pid: linked });
      if (how === "signal") exit(first, "kill");
      else await ends(first, { do: "exit", reason: "kill" });
      assert.equal((await next(watcher)).reason, reason);
    }
  },
);

onBothSides("links work both ways: whoever has made one, the other's end is told", async (on) => {
  for (const makerDies of [true, false]) {
    const [maker, other] = [await newObserver(), await newObserver(on)];
    await tell(maker, { do: "link", pid: other });
    const [dying, left] = makerDies ? [maker, other] : [other, maker];
    exit(dying, "kill");
    assert.deepEqual(await next(left), { type: "EXIT", from: dying, reason: "killed" });
    assert.deepEqual(await tell(left, { do: "unseen" }), []);
  }
});

onBothSides(
  "a name is free and groups are left on the thread of who gets an EXIT, before that comes",
  async (on, place) => {
    const name = `free before EXIT ${place}`;
    for (const [dyingOn, observerOn] of [
      ["here", on],
      [on, "here"],
    ] as const) {
      const [observer, dying] = [await newObserver(observerOn), await newPuppet(dyingOn, { name })];
      await groups.join(name, dying);
      await tell(observer, { do: "link", pid: dying });
      while ((await tell(observer, { do: "lookup", name })).members.length === 0);
      exit(dying, "kill");
      assert.equal((await next(observer)).reason, "killed");
      assert.deepEqual(await tell(observer, { do: "lookup", name }), { pid: undefined, members: [] });
    }
  },
);

onBothSides("what follows an exit signal to an actor that it ends is lost without a word", async (on) => {
  const [sender, victim, watcher] = [await newPuppet(), await newPuppet(on), await newPuppet()];
  await tell(watcher, { do: "monitor", pid: victim });
  await tell(sender, { do: "signal", pid: victim, reason: "boom" });
  await tell(sender, { do: "send", pid: victim, messages: ["after"] });
  assert.equal((await next(watcher)).reason, "boom");
  assert.equal(await tell(sender, { do: "ping" }), "pong");
});

onBothSides("sending to an actor that has exited is silent", async (on) => {
  const [gone, sender] = [await newPuppet("here"), await newPuppet(on)];
  exit(gone, "kill");
  await exitOf(gone);
  await tell(sender, { do: "send", pid: gone, messages: [1, 2] });
  assert.equal(await tell(sender, { do: "ping" }), "pong");
  exit(sender, "kill");
  await exitOf(sender);
  send(sender, "into the void");
});

onBothSides("sending to a name nobody has is an error of the sender, on its thread", async (on) => {
  const [sender, watcher] = [await newPuppet(on), await newPuppet()];
  await tell(watcher, { do: "monitor", pid: sender });
  await ends(sender, { do: "send", pid: "nobody" as never, messages: [1] });
  assert.equal((await next(watcher)).reason.code, "NAME_UNKNOWN");
});

onBothSides("a name is free and groups are left when a link's signal ends another", async (on, place) => {
  const name = `free before the signal ${place}`;
  const dying = await newPuppet(on, { name });
  await groups.join(name, dying);
  while (groups.members(name).length === 0) await settled();
  const [linked, seen] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
  await spawn(async (self: Self) => {
    // Called in the middle of its death.
    self.signal.addEventListener("abort", () => seen.resolve([whereis(name), groups.members(name)]));
    self.link(dying);
    linked.resolve();
    await self.receive();
  });
  await linked.promise;
  exit(dying, "boom");
  assert.deepEqual(await seen.promise, [undefined, []]);
});

onBothSides("an actor that nothing was known of but its pid is gone for other threads too", async (on) => {
  const there = await newPuppet(on);
  const pid = await spawn((self: Self) => self.receive());
  await tell(there, { do: "send", pid: there, messages: [pid] });
  assert.equal(await next(there), pid);
  exit(pid, "kill");
  const ref = await tell(there, { do: "monitor", pid });
  assert.deepEqual(await next(there), { type: "DOWN", ref, pid, reason: "noproc" });
  assert.equal((await tell(there, { do: "call", pid, request: 1 })).reason, "noproc");
});

test("the pid of an actor of this thread that has exited, of which no object is left, is noproc", async () => {
  const gone = internPid(thisThreadId, Number.MAX_SAFE_INTEGER);
  const watcher = await newObserver();
  const ref = await tell(watcher, { do: "monitor", pid: gone });
  assert.deepEqual(await next(watcher), { type: "DOWN", ref, pid: gone, reason: "noproc" });
  await tell(watcher, { do: "link", pid: gone });
  assert.deepEqual(await next(watcher), { type: "EXIT", from: gone, reason: "noproc" });
  await assert.rejects(call(gone as never, 1 as never), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
  send(gone, "lost");
  exit(gone, "kill");
});
