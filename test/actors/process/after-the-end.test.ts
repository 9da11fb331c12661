/** What an actor still does after its end: its operations never settle, so that no loop of it goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  call,
  cast,
  exit,
  genServer,
  processInfo,
  send,
  setCrashReporter,
  spawn,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { journal, loops } from "../../fixtures/actors/loops.ts";
import { newGate, patient } from "../../fixtures/actors/patient.ts";
import { exitOf, isAlive, newPuppet, next, onBothSides, settled, tell } from "../support.ts";

setFlagsFromString("--expose_gc");
const collectGarbage = runInNewContext("gc") as () => void;

onBothSides("a loop that catches everything stops at the end of its actor, whatever it awaits", async (on) => {
  for (const kind of loops) {
    const gathering = await newPuppet();
    const pid = await spawn(journal, [kind, gathering], { on });
    assert.equal(await next(gathering), "begun");
    const watcher = await newPuppet();
    await tell(watcher, { do: "monitor", pid });
    exit(pid, "shutdown");
    assert.equal((await next(watcher)).reason, "shutdown", kind);
    assert.equal(await next(gathering), "unwound", kind);
    // The thread still runs, and the loop does not.
    assert.equal(await tell(await newPuppet(on), { do: "ping" }), "pong");
    // A call that was open rejects, and the first operation after the end.
    const more = kind === "call" ? ["unwound"] : [];
    assert.deepEqual(await tell(gathering, { do: "unseen" }), more, kind);
  }
});

onBothSides("a loop that catches everything stops when its actor is killed, and nothing of it runs", async (on) => {
  for (const kind of loops) {
    const gathering = await newPuppet();
    const pid = await spawn(journal, [kind, gathering], { on });
    assert.equal(await next(gathering), "begun");
    exit(pid, "kill");
    assert.equal(await exitOf(pid), "noproc");
    assert.equal(await tell(await newPuppet(on), { do: "ping" }), "pong");
    assert.deepEqual(await tell(gathering, { do: "unseen" }), [], kind);
  }
});

test("what a function holds that waits after its actor's end is collected", { timeout: 60_000 }, async () => {
  const held: WeakRef<object>[] = [];
  const pids: Pid[] = [];
  for (let i = 0; i < 10; i++) {
    pids.push(
      await spawn(async (self: Self) => {
        const large = { i };
        held.push(new WeakRef(large));
        for (;;) {
          try {
            await self.receive(large.i % 2 === 0 ? (undefined as never) : () => large.i < 0);
          } catch {
            // Everything is caught.
          }
        }
      }),
    );
  }
  // One that is killed before it begins would hold nothing.
  while (held.length < pids.length) await settled();
  for (const [i, pid] of pids.entries()) exit(pid, i % 3 === 0 ? "kill" : "shutdown");
  // An optimizing compiler at work may hold one a little longer. The time limit fails the test.
  while (held.some((each) => each.deref() !== undefined)) {
    await settled();
    collectGarbage();
  }
});

test("an actor that awaits something else when it gets an exit signal unwinds at its next operation", async () => {
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  const pid = await spawn(async (self: Self) => {
    try {
      await gate.promise;
      await self.receive();
      log.push("received");
    } catch (error) {
      log.push((error as { code: string }).code);
      done.resolve();
      await self.receive().finally(() => log.push("settled"));
      log.push("went on");
    }
  });
  await settled();
  exit(pid, "shutdown");
  gate.resolve();
  await done.promise;
  await settled();
  assert.deepEqual(log, ["ACTOR_EXITED"]);
});

test("what an actor has begun and not awaited ends with it, and rejects unheard by nobody", async () => {
  const server = await newPuppet();
  const heard: unknown[] = [];
  const hear = (reason: unknown): void => void heard.push(reason);
  process.on("unhandledRejection", hear);
  try {
    for (const [on, throws] of [
      ["receive", false],
      ["call", false],
      ["receive", true],
      ["call", true],
    ] as const) {
      const watcher = await newPuppet();
      const pid = await spawn(
        async (self: Self) => {
          if (on === "receive") void self.receive();
          else void self.call(server as never, { do: "hold" } as never);
          await Promise.resolve();
          if (throws) self.exit("thrown");
        },
        [],
        { monitor: watcher },
      );
      assert.equal((await next(watcher)).reason, throws ? "thrown" : "normal");
      assert.equal(await isAlive(pid), false);
      await settled();
    }
  } finally {
    process.off("unhandledRejection", hear);
  }
  assert.deepEqual(heard, []);
});

test("cleaning up takes its turn like others: whoever sends an exit signal goes on first", async () => {
  const log: string[] = [];
  const pid = await spawn(async (self: Self) => {
    try {
      await self.receive();
    } finally {
      log.push("finally");
    }
  });
  await spawn(async (self: Self) => {
    exit(pid, "shutdown");
    log.push((await processInfo(pid)) === undefined ? "dead" : "alive");
    await self.receive({ timeoutMs: 1 });
  });
  await settled();
  assert.equal(log.length, 2);
  assert.ok(log.includes("finally") && log.includes("dead"));
});

test("an actor whose crash reporter throws exits all the same, and both are told", async (context) => {
  const told = context.mock.method(console, "error", () => {});
  setCrashReporter(() => {
    throw new Error("the reporter is broken");
  });
  try {
    for (const body of [
      async () => Promise.reject(new Error("later")),
      () => {
        throw new Error("at once");
      },
    ]) {
      const watcher = await newPuppet();
      const pid = await spawn(body, [], { monitor: watcher });
      assert.ok((await next(watcher)).reason instanceof Error);
      assert.equal(await isAlive(pid), false);
    }
    const server = await spawn(
      genServer({
        init: () => 0,
        handleCast: () => {
          throw new Error("in a callback");
        },
      }),
    );
    const watcher = await newPuppet();
    await tell(watcher, { do: "monitor", pid: server });
    cast(server, "go");
    assert.equal((await next(watcher)).reason.message, "in a callback");
  } finally {
    setCrashReporter(undefined);
  }
  const texts = told.mock.calls.map(({ arguments: [text] }) => String(text));
  for (const what of ["later", "at once", "in a callback"]) {
    assert.ok(
      texts.some((text) => text.includes(`crashed: Error: ${what}`)),
      what,
    );
  }
  assert.equal(
    texts.filter((text) => text.includes("the crash reporter threw: Error: the reporter is broken")).length,
    3,
  );
});

test("what was thrown may not even be shown: the actor exits", async (context) => {
  const told = context.mock.method(console, "error", () => {});
  setCrashReporter(undefined);
  const watcher = await newPuppet();
  const unshowable = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
      getPrototypeOf: () => {
        throw new Error("no");
      },
    },
  );
  const pid = await spawn(
    async () => {
      throw unshowable;
    },
    [],
    { monitor: watcher },
  );
  assert.match((await next(watcher)).reason.message, /a value that cannot be read/);
  assert.equal(await isAlive(pid), false);
  assert.equal(told.mock.callCount(), 1);
});

onBothSides("a server that is ended while a callback waits runs neither terminate nor the rest", async (on) => {
  for (const reason of ["kill", "shutdown"] as const) {
    for (const request of ["cast", "call"] as const) {
      const [gate, observer] = [newGate(), await newPuppet()];
      const pid = await spawn(patient, [gate, observer], { on });
      if (request === "cast") cast(pid, "cast");
      const called = request === "call" ? call(pid, "call").catch(({ code }: { code: string }) => code) : undefined;
      assert.equal(await next(observer), "waits");
      exit(pid, reason);
      assert.match(String(await exitOf(pid)), /noproc|killed|shutdown/);
      if (called !== undefined) assert.equal(await called, "ACTOR_CALL_FAILED");
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      while (Atomics.load(gate, 1) === 0) await new Promise(setImmediate);
      assert.equal(await tell(await newPuppet(on), { do: "ping" }), "pong");
      assert.deepEqual(await tell(observer, { do: "unseen" }), [], `${reason} in ${request}`);
    }
  }
});

for (const how of ["kill", "shutdown"] as const) {
  for (const when of ["at once", "later"] as const) {
    test(`an actor whose match ends it (${how}, ${when}) is gone, and the others go on`, async () => {
      const log: unknown[] = [];
      const watcher = await newPuppet();
      const pid = await spawn(async (self: Self<number>) => {
        try {
          if (when === "at once") await new Promise(setImmediate);
          const found = await self.receive((message) => {
            log.push(message);
            exit(self.pid, how);
            return message === 1;
          });
          log.push(`found ${found}`);
        } finally {
          log.push("finally");
        }
      });
      await tell(watcher, { do: "monitor", pid });
      if (when === "later") await settled();
      const others = await Promise.all([newPuppet(), newPuppet()]);
      send(pid, 1);
      send(pid, 2);
      assert.equal((await next(watcher)).reason, how === "kill" ? "killed" : "shutdown");
      await settled();
      assert.deepEqual(log, how === "kill" ? [1] : [1, "finally"]);
      for (const other of others) assert.equal(await tell(other, { do: "ping" }), "pong");
      assert.equal(await isAlive(pid), false);
    });
  }
}
