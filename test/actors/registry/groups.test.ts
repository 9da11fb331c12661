/** Groups, like Erlang's pg. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, exit, groups, schedulerThreads, spawn, type Pid } from "../../../src/actors/index.ts";
import { surveyor } from "../../fixtures/actors/surveyor.ts";
import { exitOf, newPuppet, next, onBothSides } from "../support.ts";

onBothSides("an actor may join a group several times and must leave as often", async (on, place) => {
  const [group, pid] = [`twice ${place}`, await newPuppet(on)];
  await groups.join(group, pid);
  await groups.join(group, pid);
  assert.deepEqual(groups.members(group), [pid, pid]);
  assert.equal(await groups.leave(group, pid), "ok");
  assert.deepEqual(groups.members(group), [pid]);
  assert.equal(await groups.leave(group, pid), "ok");
  assert.deepEqual(groups.members(group), []);
  assert.ok(!groups.which().includes(group));
  assert.equal(await groups.leave(group, pid), "not_joined");
});

onBothSides("leaving a group that was not joined answers not_joined", async (on) => {
  assert.equal(await groups.leave("never", await newPuppet(on)), "not_joined");
});

onBothSides("death leaves all groups", async (on, place) => {
  const pid = await newPuppet(on);
  await groups.join(`one ${place}`, pid);
  await groups.join(`two ${place}`, pid);
  exit(pid, "kill");
  await exitOf(pid);
  assert.deepEqual([groups.members(`one ${place}`), groups.members(`two ${place}`)], [[], []]);
});

onBothSides("members are told, and which of them are on this thread", async (on, place) => {
  const [here, other] = [await newPuppet(), await newPuppet(on)];
  await groups.join(`mixed ${place}`, here);
  await groups.join(`mixed ${place}`, other);
  assert.deepEqual(new Set(groups.members(`mixed ${place}`)), new Set([here, other]));
  assert.deepEqual(groups.localMembers(`mixed ${place}`), place === "here" ? [here, other] : [here]);
});

onBothSides("publish sends a copy to every member once", async (on, place) => {
  const [a, b] = [await newPuppet(on), await newPuppet()];
  for (const pid of [a, a, b]) await groups.join(`news ${place}`, pid);
  assert.equal(groups.publish(`news ${place}`, { headline: 1 }), 2);
  assert.deepEqual([await next(a), await next(b)], [{ headline: 1 }, { headline: 1 }]);
});

test("several threads see the same membership, eventually", async () => {
  const threads = await schedulerThreads();
  const surveyors = await Promise.all(threads.map((on) => spawn(surveyor, [], { on })));
  const members = await Promise.all([newPuppet(), ...threads.map((on) => newPuppet(on))]);
  for (const pid of members) await groups.join("everywhere", pid);
  for (const pid of surveyors) {
    let seen: readonly Pid[] = [];
    while (seen.length < members.length) seen = await call(pid, "everywhere");
    assert.deepEqual(new Set(seen), new Set(members));
  }
});

onBothSides("who leaves, and who exits, is a member no longer on any thread", async (on, place) => {
  const group = `seen ${place}`;
  const surveyors = await Promise.all((await schedulerThreads()).map((on) => spawn(surveyor, [], { on })));
  const [leaving, dying, staying] = [await newPuppet(on), await newPuppet(on), await newPuppet(on)];
  const become = async (...expected: Pid[]): Promise<void> => {
    for (const pid of surveyors) {
      let seen: readonly Pid[] = [];
      do seen = await call(pid, group);
      while (seen.length !== expected.length);
      assert.deepEqual(new Set(seen), new Set(expected));
    }
  };
  for (const pid of [leaving, leaving, dying, dying, staying]) await groups.join(group, pid);
  await become(leaving, leaving, dying, dying, staying);
  await groups.leave(group, leaving);
  await become(leaving, dying, dying, staying);
  await groups.leave(group, leaving);
  exit(dying, "kill");
  await become(staying);
});
