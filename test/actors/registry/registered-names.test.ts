/** Names: unique over all threads, looked up without a message. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exit,
  register,
  registered,
  schedulerThreads,
  send,
  spawn,
  unregister,
  whereis,
  type Self,
} from "../../../src/actors/index.ts";
import { stuck } from "../../fixtures/actors/stuck.ts";
import { exitOf, newPuppet, next, onBothSides, settled, tell } from "../support.ts";

onBothSides("a registered actor is found, sent to and called by its name", async (on, place) => {
  const pid = await newPuppet(on);
  await register(`found ${place}`, pid);
  assert.equal(whereis(`found ${place}`), pid);
  assert.ok(registered().includes(`found ${place}`));
  send(`found ${place}`, "hello");
  assert.equal(await next(pid), "hello");
});

onBothSides("register fails when the name is taken, also by an actor of another thread", async (on, place) => {
  const [first, second] = [await newPuppet(on), await newPuppet()];
  await register(`taken ${place}`, first);
  await assert.rejects(register(`taken ${place}`, second), { code: "NAME_REFUSED", message: /taken/ });
  assert.equal(whereis(`taken ${place}`), first);
});

onBothSides("register fails when the actor has exited", async (on) => {
  const pid = await newPuppet(on);
  exit(pid, "kill");
  await exitOf(pid);
  await assert.rejects(register("of nobody", pid), { code: "NAME_REFUSED", message: /exited/ });
  assert.equal(whereis("of nobody"), undefined);
});

onBothSides("register fails when the actor has a name already", async (on, place) => {
  const pid = await newPuppet(on, { name: `first ${place}` });
  await assert.rejects(register(`second ${place}`, pid), { code: "NAME_REFUSED", message: /first/ });
});

onBothSides("register fails when the name is reserved or is none", async (on) => {
  const pid = await newPuppet(on);
  for (const name of ["undefined", "", "x".repeat(256), 5 as never]) {
    await assert.rejects(register(name, pid), { code: "NAME_REFUSED" });
  }
});

onBothSides("a name can be taken away and given to another", async (on, place) => {
  const [first, second] = [await newPuppet(on), await newPuppet(on)];
  await register(`passed on ${place}`, first);
  await unregister(`passed on ${place}`);
  assert.equal(whereis(`passed on ${place}`), undefined);
  await assert.rejects(unregister(`passed on ${place}`), { code: "NAME_UNKNOWN" });
  await register(`passed on ${place}`, second);
  await register(`another ${place}`, first);
  assert.equal(whereis(`passed on ${place}`), second);
});

onBothSides("a name is free again when its actor has exited, for the very next register", async (on, place) => {
  for (let round = 0; round < 20; round++) {
    const pid = await newPuppet(on, { name: `again ${place}` });
    const seen = Promise.withResolvers<void>();
    await spawn(async (self: Self) => {
      self.monitor(pid);
      exit(pid, "kill");
      await self.receive();
      seen.resolve();
    });
    await seen.promise;
  }
});

test("of many who ask for one name at once, from several threads, exactly one gets it", async () => {
  const puppets = await Promise.all(Array.from({ length: 20 }, () => newPuppet()));
  const outcomes = await Promise.allSettled(puppets.map((pid) => register("contended", pid)));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

onBothSides("spawning under a name that is taken spawns nothing", async (on, place) => {
  await newPuppet(on, { name: `spawned ${place}` });
  await assert.rejects(newPuppet(on, { name: `spawned ${place}` }), { code: "NAME_REFUSED" });
});

test("sending to a name nobody has is an error, sending to an actor that has exited is silent", async () => {
  assert.throws(() => send("nobody", 1), { code: "NAME_UNKNOWN" });
  const pid = await newPuppet();
  exit(pid, "kill");
  await settled();
  send(pid, "into the void");
});

onBothSides("an actor that exits while it is given a name does not keep it", async (on) => {
  for (const reason of ["kill", "shutdown"]) {
    const pid = await newPuppet(on);
    const given = register("fleeting", pid);
    exit(pid, reason);
    await assert.rejects(given, { code: "NAME_REFUSED" });
    assert.equal(whereis("fleeting"), undefined);
    const heir = await newPuppet(on);
    await register("fleeting", heir);
    assert.equal(whereis("fleeting"), heir);
    await unregister("fleeting");
  }
});

test("a name that was given back and taken again by the same actor is known everywhere, in whatever order that is heard", async () => {
  const [first, second] = (await schedulerThreads()) as [number, number];
  for (const [on, elsewhere] of [
    [first, second],
    [second, first],
  ] as const) {
    const [holder, looker] = [await newPuppet(on), await newPuppet(elsewhere)];
    await register("again", holder);
    // That thread does not hear the news one by one, but all at once.
    const words = new Int32Array(new SharedArrayBuffer(8));
    send(await spawn(stuck, ["for a while", words], { on: elsewhere }), "go");
    while (Atomics.load(words, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await unregister("again");
    await register("again", holder);
    Atomics.store(words, 1, 1);
    // Whoever is heard first: afterwards all is heard.
    await tell(holder, { do: "call", pid: looker, request: { do: "ping" } });
    await tell(looker, { do: "ping" });
    assert.equal((await tell(looker, { do: "lookup", name: "again" })).pid, holder);
    await unregister("again");
  }
});
