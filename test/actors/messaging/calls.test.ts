/** Calls, and servers that answer them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  exit,
  genServer,
  ignore,
  reply,
  send,
  setCrashReporter,
  spawn,
  stop,
  type From,
  type Self,
} from "../../../src/actors/index.ts";
import { gated } from "../../fixtures/actors/gated.ts";
import { counter, sluggish } from "../../fixtures/actors/servers.ts";
import { exitOf, isAlive, newObserver, newPuppet, next, onBothSides, settled, tell } from "../support.ts";

setCrashReporter(() => {});

onBothSides("a server keeps its state: calls are answered, casts and messages handled, in order", async (on) => {
  const server = await spawn(counter, [10], { on });
  assert.equal(await call(server, "get"), 10);
  cast(server, { add: 5 });
  send(server, { subtract: 3 });
  assert.equal(await call(server, "get"), 12);
  assert.equal(await call(server, "later"), "it was 12");
});

onBothSides(
  "a call without an answer times out, and the caller that does not catch it exits with timeout",
  async (on) => {
    const silent = await newPuppet(on);
    await assert.rejects(call(silent as never, { do: "hold" } as never, 20), {
      code: "ACTOR_CALL_TIMEOUT",
      reason: "timeout",
    });
    const watcher = await newPuppet();
    await spawn((self: Self) => self.call(silent as never, { do: "hold" } as never, 20), [], { monitor: watcher });
    assert.equal((await next(watcher)).reason, "timeout");
  },
);

onBothSides("a call to a server that is not there fails with noproc", async (on) => {
  const gone = await newPuppet(on);
  exit(gone, "kill");
  await exitOf(gone);
  await assert.rejects(call(gone as never, "x" as never), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
  await assert.rejects(call("no such name", "x" as never), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
});

onBothSides("a late reply is dropped and never reaches the mailbox", async (on) => {
  const caller = await newPuppet();
  const silent = await newPuppet(on);
  const outcome = await tell(caller, { do: "call", pid: silent, request: { do: "hold" }, timeoutMs: 10 });
  assert.equal(outcome.reason, "timeout");
  const from = (await next(silent)) as From;
  reply(from, "too late");
  await tell(silent, { do: "send", pid: caller, messages: ["marker"] });
  assert.equal(await next(caller), "marker");
});

onBothSides("a reply may come from any actor on any thread", async (on) => {
  const server = await newPuppet(on);
  const pending = call(server as never, { do: "hold" } as never);
  reply((await next(server)) as From, { from: "here" });
  assert.deepEqual(await pending, { from: "here" });
});

onBothSides("a server that exits before it replies fails its calls with its reason", async (on) => {
  const server = await newPuppet(on);
  const pending = call(server as never, { do: "hold" } as never, Infinity);
  await next(server);
  exit(server, "boom");
  await assert.rejects(pending, { code: "ACTOR_CALL_FAILED", reason: "boom" });
});

onBothSides("the exit of an actor ends the call it waits in", async (on) => {
  const [caller, silent] = [await newPuppet(), await newPuppet(on)];
  const outcome = tell(caller, { do: "call", pid: silent, request: { do: "hold" }, timeoutMs: 60_000 });
  await next(silent);
  exit(caller, "enough");
  await assert.rejects(outcome, { reason: "enough" });
  assert.ok(await isAlive(silent));
});

onBothSides(
  "with 500,000 messages in the mailbox a call's round trip stays within 10 times that of an empty one",
  async (on) => {
    const server = await spawn(counter, [1], { on });
    const result = Promise.withResolvers<number[]>();
    const pid = await spawn(async (self: Self) => {
      const measure = async (): Promise<number> => {
        const samples: number[] = [];
        for (let i = 0; i < 500; i++) {
          const startMs = performance.now();
          await self.call(server, "get");
          samples.push(performance.now() - startMs);
        }
        // The quickest: others have the CPU during many of them. Looking through the mailbox takes its time in each.
        return Math.min(...samples);
      };
      await measure();
      const empty = await measure();
      for (let i = 0; i < 500_000; i++) send(self.pid, i);
      result.resolve([empty, await measure()]);
    });
    const [empty, full] = await result.promise;
    exit(pid, "kill");
    assert.ok(full! <= 10 * empty!, `empty ${empty} ms, full ${full} ms`);
  },
);

onBothSides("terminate runs on stop, with the reason, and the server exits with it", async (on) => {
  const observer = await newPuppet();
  const server = await spawn(sluggish, [observer], { on });
  await stop(server, "shutdown");
  assert.deepEqual(await next(observer), { terminated: "shutdown" });
  assert.equal(await isAlive(server), false);
  await assert.rejects(stop(server), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
});

onBothSides("stop gives up after its timeout", async (on) => {
  const busy = await spawn(gated, [new Int32Array(new SharedArrayBuffer(4))], { on });
  await assert.rejects(stop(busy, "normal", 10), { code: "ACTOR_CALL_TIMEOUT" });
});

onBothSides("terminate runs on the parent's exit when the server traps exits, and not when it does not", async (on) => {
  for (const trap of [true, false]) {
    const [observer, parent] = [await newPuppet(), await newPuppet()];
    const server = await spawn(sluggish, [observer, trap], { on, link: parent });
    const watcher = await newPuppet();
    await tell(watcher, { do: "monitor", pid: server });
    exit(parent, "parent gone");
    assert.equal((await next(watcher)).reason, "parent gone");
    assert.deepEqual(await tell(observer, { do: "unseen" }), trap ? [{ terminated: "parent gone" }] : []);
  }
});

onBothSides(
  "terminate runs on an error in a callback, whose error is the reason that linked actors see",
  async (on) => {
    const [observer, linked] = [await newPuppet(), await newObserver()];
    const server = await spawn(sluggish, [observer], { on });
    await tell(linked, { do: "link", pid: server });
    await assert.rejects(call(server, "fail"), { code: "ACTOR_CALL_FAILED" });
    assert.equal((await next(observer)).terminated.message, "told to");
    assert.equal((await next(linked)).reason.message, "told to");
  },
);

onBothSides("whichever callback a server crashes in, it exits with that, and linked actors see it", async (on) => {
  for (const how of ["cast", "send"]) {
    const [linked, watcher] = [await newPuppet(), await newObserver()];
    const server = await spawn(counter, [1], { on });
    await tell(linked, { do: "link", pid: server });
    await tell(watcher, { do: "monitor", pid: linked });
    await tell(watcher, { do: "link", pid: server });
    // It takes a property of this.
    if (how === "cast") cast(server, null as never);
    else send(server, null as never);
    const told = [await next(watcher), await next(watcher)];
    assert.deepEqual(new Set(told.map(({ type }) => type)), new Set(["EXIT", "DOWN"]));
    for (const { reason } of told) assert.ok(reason instanceof TypeError, String(reason));
  }
});

onBothSides("terminate never runs on kill", async (on) => {
  const observer = await newPuppet();
  const server = await spawn(sluggish, [observer, true], { on });
  exit(server, "kill");
  await exitOf(server);
  assert.deepEqual(await tell(observer, { do: "unseen" }), []);
});

onBothSides("spawn of a server resolves when init has, and rejects with why it has not", async (on) => {
  await assert.rejects(spawn(sluggish, [undefined as never], { on }), {
    code: "ACTOR_START_FAILED",
    message: /no observer/,
  });
});

test("a callback ends the server with stop, replying or not, and init may ignore", async () => {
  const ending = genServer({
    init: () => 0,
    handleCall: (request: "reply" | "none") =>
      request === "reply" ? { stop: "normal", reply: "last words" } : { stop: "silently" },
  });
  const first = await spawn(ending);
  assert.equal(await call(first, "reply"), "last words");
  assert.equal(await isAlive(first), false);
  await assert.rejects(call(await spawn(ending), "none"), { reason: "silently" });
  const ignoring = genServer({ init: () => ignore });
  await assert.rejects(spawn(ignoring), { code: "ACTOR_START_FAILED", reason: "ignore" });
});

test("a call to oneself is refused instead of waiting for ever", async () => {
  const result = Promise.withResolvers<unknown>();
  await spawn(async (self: Self) => {
    result.resolve(await self.call(self.pid as never, 1 as never).catch((error: { reason: unknown }) => error.reason));
  });
  assert.equal(await result.promise, "calling_self");
});

test("a server that calls itself, by its pid or its name, is refused at once in init and in its callbacks", async () => {
  const self = genServer({
    init: async (it: Self) => ({ pid: it.pid, inInit: await whyNot(it.pid) }),
    handleCall: async (what: string, state) => {
      if (what === "init") return { reply: state.inInit };
      return { reply: await whyNot(what === "pid" ? state.pid : "its own name") };
    },
  });
  const whyNot = (server: unknown): Promise<unknown> =>
    call(server as string, "x", Infinity).catch((error: { reason: unknown }) => error.reason);
  const pid = await spawn(self, [], { name: "its own name" });
  for (const what of ["init", "pid", "name"]) assert.equal(await call(pid, what), "calling_self");
  await stop(pid);
});

test("what a server has started may call it, also while one of its callbacks waits", async () => {
  const started = Promise.withResolvers<readonly [Promise<unknown>]>();
  const open = Promise.withResolvers<void>();
  const server = genServer({
    init: (self: Self) => {
      setImmediate(() => started.resolve([call(self.pid as never, "again" as never, Infinity)]));
      return 0;
    },
    handleCall: async (_request: string, n) => {
      await open.promise;
      return { reply: n, state: n + 1 };
    },
  });
  const pid = await spawn(server);
  const first = call(pid, "first", Infinity);
  const [second] = await started.promise;
  open.resolve();
  assert.deepEqual(new Set([await first, await second]), new Set([0, 1]));
  await stop(pid);
});

test("a call to oneself that times out says so", async () => {
  const server = genServer({
    init: (self: Self) => self.pid,
    handleCall: async (_request: string, pid) => {
      await new Promise((resolve) => setImmediate(resolve));
      return { reply: await call(pid as never, "x" as never, 1).catch((error: Error) => error.message) };
    },
  });
  const pid = await spawn(server);
  assert.match(await call(pid, "x"), /to a call of its own/);
  await stop(pid);
});

test("a second reply is dropped", async () => {
  const server = await spawn(async (self: Self) => {
    const { from } = (await self.receive()) as { from: From };
    reply(from, 1);
    reply(from, 2);
    await self.receive();
  });
  assert.equal(await call(server as never, "x" as never), 1);
  await settled();
  exit(server, "kill");
});

for (const [what, server] of [
  ["a name that nobody has", "not there yet"],
  ["a server that has exited", undefined],
] as const) {
  test(`a loop that calls ${what} lets timers and other actors run`, async () => {
    const done = Promise.withResolvers<boolean>();
    await spawn(async (self: Self) => {
      const gone = await spawn(async () => {});
      const loop = { hasTurned: false };
      setImmediate(() => (loop.hasTurned = true));
      // Without a limit, the test would hang if none of them let the loop turn.
      for (let n = 0; n < 1_000_000 && !loop.hasTurned; n++) {
        await (n % 2 === 0
          ? self.call((server ?? gone) as never, 1 as never)
          : call((server ?? gone) as never, 1 as never)
        ).catch(() => {});
      }
      done.resolve(loop.hasTurned);
    });
    assert.equal(await done.promise, true);
  });
}

onBothSides("stop resolves when the server has ended for the given reason, whatever class that is of", async (on) => {
  class Maintenance extends Error {
    readonly minutes = 5;
  }
  class Plan {
    readonly minutes = 5;
  }
  for (const reason of [new Maintenance("soon"), new Plan(), { shutdown: new Plan() }, new RangeError("soon")]) {
    await stop(await spawn(counter, [1], { on }), reason);
  }
});
