/** Priority messages, and the library's own requests, at a full or long mailbox. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cast,
  dynamicSupervisor,
  exit,
  genServer,
  getState,
  isDown,
  processInfo,
  send,
  spawn,
  startChild,
  startWith,
  stop,
  suspend,
  resume,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { Mailbox, nothing } from "../../../src/actors/messaging/mailbox.ts";
import { prior } from "../../fixtures/actors/prior.ts";
import { newPuppet, onBothSides } from "../support.ts";

onBothSides("a priority message goes before ordinary ones and behind earlier priority messages", async (on) => {
  const pid = await spawn(prior, [true], { on });
  await suspend(pid);
  for (const n of [1, 2, 3]) send(pid as Pid, n);
  send(pid as Pid, "first", { priority: true });
  send(pid as Pid, 4);
  send(pid as Pid, "second", { priority: true });
  await resume(pid);
  assert.deepEqual(await getState(pid), ["first", "second", 1, 2, 3, 4]);
  await stop(pid);
});

onBothSides("an actor that does not accept priority gets ordinary messages", async (on) => {
  const pid = await spawn(prior, [false], { on });
  await suspend(pid);
  send(pid as Pid, 1);
  send(pid as Pid, 2, { priority: true });
  await resume(pid);
  assert.deepEqual(await getState(pid), [1, 2]);
  await stop(pid);
});

onBothSides("a full mailbox takes priority messages, and what the library asks", async (on) => {
  const pid = await spawn(prior, [true], { on, mailbox: { limit: 2 } });
  await suspend(pid);
  send(pid as Pid, 1);
  send(pid as Pid, 2);
  if (on === "here") assert.throws(() => send(pid as Pid, 3), { code: "ACTOR_MAILBOX_FULL" });
  send(pid as Pid, "urgent", { priority: true });
  assert.deepEqual(await getState(pid), []);
  await resume(pid);
  assert.deepEqual(await getState(pid), ["urgent", 1, 2]);
  await stop(pid);
});

test("stop works on a server whose mailbox is full, behind the casts of its sender", async () => {
  const seen: unknown[] = [];
  const server = genServer({
    init: () => 0,
    handleCast: (n: number) => {
      seen.push(n);
    },
    terminate: () => {
      seen.push("terminate");
    },
  });
  const pid = await spawn(server, [], { mailbox: { limit: 2 } });
  cast(pid, 1);
  cast(pid, 2);
  await stop(pid);
  assert.deepEqual(seen, [1, 2, "terminate"]);
});

test("a supervisor whose mailbox is full starts children", async () => {
  const pid = await spawn(dynamicSupervisor({ child: { start: [prior, [true]] } }), [], { mailbox: { limit: 1 } });
  await suspend(pid);
  send(pid as Pid, "junk");
  const starting = [startChild(pid, []), startChild(pid, [])];
  await resume(pid);
  assert.equal((await Promise.all(starting)).length, 2);
  await stop(pid);
});

test("a receive that waits for a certain message finds one that came with priority", async () => {
  const found = Promise.withResolvers<unknown[]>();
  const pid = await spawn(async (self: Self) => {
    self.acceptPriority = true;
    const wanted = await self.receive((message: unknown): message is string => message === "wanted");
    found.resolve([wanted, await self.receive(), await self.receive(), await self.receive({ timeoutMs: 0 })]);
  });
  send(pid, 1);
  send(pid, 2);
  assert.equal((await processInfo(pid))!.mailboxLength, 2);
  send(pid, "wanted", { priority: true });
  assert.deepEqual(await found.promise, ["wanted", 1, 2, undefined]);
});

test("a server's continuation goes before priority messages", async () => {
  const seen: unknown[] = [];
  const server = genServer({
    init: (self) => {
      self.acceptPriority = true;
      send(self.pid, "urgent", { priority: true });
      return startWith(0, { continue: "continued" });
    },
    handleContinue: (value: string) => {
      seen.push(value);
    },
    handleInfo: (message: string) => {
      seen.push(message);
    },
  });
  const pid = await spawn(server);
  await getState(pid);
  assert.deepEqual(seen, ["continued", "urgent"]);
  await stop(pid);
});

test("a mailbox that drops the oldest keeps continuations, DOWN messages, requests and priority messages", async () => {
  const seen: unknown[] = [];
  const [first, second] = [await newPuppet(), await newPuppet()];
  const server = genServer({
    init: (self) => {
      self.acceptPriority = true;
      self.monitor(first);
      self.monitor(second);
      return startWith(0, { continue: "continued" });
    },
    handleContinue: (value: string) => {
      seen.push(value);
    },
    handleInfo: (message: unknown) => {
      seen.push(isDown(message) ? "DOWN" : message);
    },
  });
  const pid = await spawn(server, [], { mailbox: { limit: 4, overflow: "dropOldest" } });
  // Nothing was handled yet. Then ten messages come for two places.
  exit(first, "kill");
  exit(second, "kill");
  send(pid as Pid, "urgent", { priority: true });
  for (let n = 0; n < 10; n++) send(pid as Pid, n);
  const state = getState(pid);
  for (let n = 10; n < 20; n++) send(pid as Pid, n);
  assert.equal(await state, 0);
  assert.deepEqual(seen.slice(0, 4), ["continued", "urgent", "DOWN", "DOWN"]);
  await getState(pid);
  assert.ok(seen.slice(4).every((each) => typeof each === "number"));
  assert.equal((await processInfo(pid))!.messagesDropped, 20 - (seen.length - 4));
  await stop(pid);
});

test("priority needs a living actor or name, and a message that can be copied", async () => {
  assert.throws(() => send("nobody has this name", 1, { priority: true }), { code: "NAME_UNKNOWN" });
  const pid = await newPuppet();
  assert.throws(() => send(pid, () => {}, { priority: true }), { code: "NOT_CLONEABLE" });
  exit(pid, "kill");
  send(pid, 1, { priority: true });
});

test("a mailbox keeps its order under any mix of priority, ordinary and selective operations", () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 200; round++) {
    const mailbox = new Mailbox();
    let urgent: number[] = [];
    let ordinary: number[] = [];
    for (let step = 0; step < 200; step++) {
      const choice = random(7);
      if (choice < 2) {
        mailbox.push(step);
        ordinary.push(step);
      } else if (choice === 2) {
        mailbox.pushUrgent(step, "urgent");
        urgent.push(step);
      } else if (choice === 3) {
        mailbox.pushUrgent(step, "first");
        urgent.unshift(step);
      } else if (choice === 4) {
        const expected = urgent.shift() ?? ordinary.shift() ?? nothing;
        assert.equal(mailbox.shift(), expected);
      } else if (choice === 5) {
        const wanted = [...urgent, ...ordinary].filter((n) => n % 3 === 0)[0] ?? nothing;
        assert.equal(
          mailbox.take((n: number) => n % 3 === 0),
          wanted,
        );
        urgent = urgent.filter((n) => n !== wanted);
        ordinary = ordinary.filter((n) => n !== wanted);
      } else if (random(4) === 0) {
        mailbox.takeAll((n) => (n as number) % 5 === 0);
        urgent = urgent.filter((n) => n % 5 !== 0);
        ordinary = ordinary.filter((n) => n % 5 !== 0);
      }
      assert.equal(mailbox.length, urgent.length + ordinary.length);
    }
    for (const expected of [...urgent, ...ordinary]) assert.equal(mailbox.shift(), expected);
    assert.equal(mailbox.shift(), nothing);
  }
});
