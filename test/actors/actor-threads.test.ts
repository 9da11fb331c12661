/** The death of a thread, as actors on other threads see it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  exit,
  genServer,
  groups,
  register,
  schedulerThreads,
  send,
  spawn,
  stop,
  supervisor,
  whereis,
  whichChildren,
  type Pid,
  type Self,
} from "../../src/actors/index.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { child } from "../fixtures/actors/child.ts";
import { closing } from "../fixtures/actors/closing.ts";
import { surveyor } from "../fixtures/actors/surveyor.ts";
import { isAlive, newObserver, newPuppet, next, tell } from "./support.ts";

process.on("warning", () => {});

async function lastThread(): Promise<number> {
  return (await schedulerThreads()).at(-1)!;
}

function end(thread: number): void {
  runtime().terminate(thread, new HeddleError("THREAD_DIED", "ended by the test"));
}

test("links and monitors elsewhere see noconnection, and calls fail with it", async () => {
  const thread = await lastThread();
  const victim = await newPuppet(thread);
  const [linked, watcher] = [await newObserver(), await newPuppet()];
  await tell(linked, { do: "link", pid: victim });
  const ref = await tell(watcher, { do: "monitor", pid: victim });
  const pending = call(victim as never, { do: "hold" } as never, Infinity);
  await next(victim);
  end(thread);
  await assert.rejects(pending, { code: "ACTOR_CALL_FAILED", reason: "noconnection" });
  assert.deepEqual(await next(linked), { type: "EXIT", from: victim, reason: "noconnection" });
  assert.deepEqual(await next(watcher), { type: "DOWN", ref, pid: victim, reason: "noconnection" });
  assert.equal(await isAlive(victim), false);
});

test("an actor that does not trap exits dies with the thread of its link", async () => {
  const thread = await lastThread();
  const victim = await newPuppet(thread);
  const [linked, watcher] = [await newPuppet(), await newPuppet()];
  await tell(linked, { do: "link", pid: victim });
  await tell(watcher, { do: "monitor", pid: linked });
  end(thread);
  assert.equal((await next(watcher)).reason, "noconnection");
});

test("names are free again, and groups are left", async () => {
  const thread = await lastThread();
  const victim = await newPuppet(thread, { name: "on a mortal thread" });
  await groups.join("mortals", victim);
  const seen = Promise.withResolvers<unknown[]>();
  await spawn(async (self: Self) => {
    self.monitor(victim);
    send(self.pid, "ready");
    await self.receive((message) => message === "ready");
    end(thread);
    await self.receive();
    seen.resolve([whereis("on a mortal thread"), groups.members("mortals")]);
  });
  assert.deepEqual(await seen.promise, [undefined, []]);
  await register("on a mortal thread", await newPuppet());
});

test("a thread that ends takes its members out of groups, as the other threads see them, and leaves those of others", async () => {
  const [first, last] = [(await schedulerThreads())[0]!, await lastThread()];
  assert.notEqual(first, last);
  const observer = await spawn(surveyor, [], { on: first });
  const staying = [await newPuppet(), await newPuppet(first)];
  for (const pid of [...staying, await newPuppet(last), await newPuppet(last)]) await groups.join("survivors", pid);
  while ((await call(observer, "survivors")).length < 4);
  end(last);
  while ((await call(observer, "survivors")).length > 2);
  assert.deepEqual(new Set(await call(observer, "survivors")), new Set(staying));
});

test("what is sent and spawned to a thread that has ended is lost or refused, never pending", async () => {
  const thread = await lastThread();
  const victim = await newPuppet(thread);
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid: victim });
  end(thread);
  await next(watcher);
  send(victim, "lost");
  await assert.rejects(call(victim as never, "x" as never), { reason: "noconnection" });
  await assert.rejects(newPuppet(thread), { code: "ACTOR_NO_THREAD" });
  const observer = await newObserver();
  await tell(observer, { do: "link", pid: victim });
  assert.equal((await next(observer)).reason, "noconnection");
  await tell(observer, { do: "monitor", pid: victim });
  assert.equal((await next(observer)).reason, "noconnection");
});

test("who is spawned with a link to an actor of a thread that has ended is told, and ends", async () => {
  const thread = await lastThread();
  const victim = await newPuppet(thread);
  end(thread);
  while (await isAlive(victim));
  const watcher = await newPuppet();
  await newPuppet("here", { link: victim, monitor: watcher });
  assert.equal((await next(watcher)).reason, "noconnection");
  const refused = { code: "ACTOR_START_FAILED", reason: "noconnection" };
  await assert.rejects(spawn(genServer({ init: () => 0 }), [], { link: victim }), refused);
});

test("a server that is spawned with a link to an actor that has exited does not start, and says so", async () => {
  const victim = await newPuppet();
  exit(victim, "kill");
  const refused = { code: "ACTOR_START_FAILED", reason: "noproc" };
  await assert.rejects(spawn(genServer({ init: () => 0 }), [], { link: victim }), refused);
});

test("a spawn that was under way fails when the thread ends", async () => {
  const thread = await lastThread();
  await assert.rejects(spawn(closing, [], { on: thread }), { code: "ACTOR_NO_THREAD" });
});

test("a supervisor restarts the children of a thread that has ended, on another one", async () => {
  const thread = await lastThread();
  const journal = await newPuppet();
  let on = thread;
  const tree = await spawn(
    supervisor({
      children: [{ id: "a", start: async (self) => await spawn(child, ["a", journal, {}], { link: self, on }) }],
    }),
  );
  assert.equal(await next(journal), "a starts");
  on = (await schedulerThreads())[0]!;
  end(thread);
  assert.equal(await next(journal), "a starts");
  const [{ pid } = { pid: undefined }] = await whichChildren(tree);
  assert.equal((pid as Pid).thread, on);
  await stop(tree);
});

test("threads are replaced, and new ones know names and groups from before", async () => {
  const named = await newPuppet("here", { name: "from before" });
  await groups.join("from before", named);
  end(await lastThread());
  const thread = await lastThread();
  const there = await newPuppet(thread);
  assert.deepEqual(await tell(there, { do: "lookup", name: "from before" }), { pid: named, members: [named] });
});
