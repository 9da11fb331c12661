/** The library's own messages to actors have their own envelope: no value that a program sends is taken for one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  CallMessage,
  cast,
  exit,
  ExitError,
  genServer,
  isCleanExit,
  ignore,
  isDown,
  isExit,
  reply,
  send,
  setCrashReporter,
  spawn,
  startChild,
  stop,
  supervisor,
  terminateChild,
  whichChildren,
  type CrashReport,
  type From,
  type Pid,
  type Self,
} from "../../src/actors/index.ts";
import { boss, lookalikes, manyChildren, mirror, stillborn } from "../fixtures/actors/mirror.ts";
import { exitOf, isAlive, newObserver, newPuppet, next, onBothSides, settled, tell } from "./support.ts";

setCrashReporter(() => {});

onBothSides("a server answers a request that looks like one to stop, as any other", async (on) => {
  const server = await spawn(mirror, [], { on });
  for (const request of lookalikes(server)) assert.deepEqual(await call(server as never, request as never), request);
  assert.equal(await isAlive(server), true);
});

onBothSides("a server gets casts and messages that look like the library's own as what they are", async (on) => {
  const server = await spawn(mirror, [], { on, link: await newPuppet() });
  const sent = lookalikes(server);
  for (const message of sent) {
    cast(server as never, message as never);
    send(server, message);
  }
  const seen = await call(server as never, "seen" as never);
  assert.deepEqual(
    seen,
    sent.flatMap((message) => [{ cast: message }, { info: message }]),
  );
});

onBothSides(
  "messages that are passed on are plain: nobody takes them for news of an exit, or for a call",
  async (on) => {
    const watcher = await newObserver();
    const victim = await newPuppet(on);
    await tell(watcher, { do: "monitor", pid: victim });
    await tell(watcher, { do: "link", pid: victim });
    exit(victim, "kill");
    const seen = [await next(watcher), await next(watcher)];
    const got = Promise.withResolvers<unknown[]>();
    const reader = await spawn(async (self: Self) => {
      got.resolve([await self.receive(), await self.receive(), await self.receive()]);
    });
    for (const message of seen) send(reader, message);
    send(reader, new CallMessage({} as From, "x"));
    const received = await got.promise;
    assert.deepEqual(
      received.map((message) => [isDown(message), isExit(message), message instanceof CallMessage]),
      [
        [false, false, false],
        [false, false, false],
        [false, false, false],
      ],
    );
  },
);

for (const [kind, what] of [
  ["supervisor", boss],
  ["dynamic supervisor", manyChildren],
] as const) {
  onBothSides(`a ${kind} refuses what is called, and does none of it`, async (on) => {
    const pid = await spawn(what, [], { on });
    if (kind === "dynamic supervisor") await startChild(pid as never, []);
    const before = await whichChildren(pid as never);
    for (const request of [...lookalikes(pid), { op: "whichChildren" }, { op: "startChild", spec: [] }]) {
      await assert.rejects(call(pid as never, request as never), {
        code: "ACTOR_CALL_FAILED",
        reason: "unknown_request",
      });
      cast(pid as never, request as never);
      send(pid, request);
    }
    assert.deepEqual(await whichChildren(pid as never), before);
    assert.equal(before.length, 1);
    await stop(pid, "shutdown");
  });
}

onBothSides("a server that is no supervisor is asked for its children in vain, and goes on", async (on) => {
  const server = await spawn(mirror, [], { on });
  const refused = { code: "ACTOR_CALL_FAILED", reason: "not_a_supervisor" };
  await assert.rejects(whichChildren(server as never), refused);
  await assert.rejects(terminateChild(server as never, "child"), refused);
  assert.equal(await call(server as never, "still there" as never), "still there");
});

onBothSides("a server is stopped with any reason, and stop tells the end from there having been none", async (on) => {
  for (const reason of ["normal", "noproc", "noconnection", null, { shutdown: "x" }, ["heddle:stop", 1]] as const) {
    const server = await spawn(mirror, [], { on });
    const watcher = await newPuppet();
    await tell(watcher, { do: "monitor", pid: server });
    await stop(server, reason);
    assert.deepEqual((await next(watcher)).reason, reason);
    await assert.rejects(stop(server, "noproc"), { code: "ACTOR_CALL_FAILED", reason: "noproc" });
  }
});

onBothSides("a server that exits with ignore while it starts has failed, and one that ignores has not", async (on) => {
  for (const reason of ["ignore", "normal", undefined, null]) {
    await assert.rejects(spawn(stillborn, [reason], { on }), { code: "ACTOR_START_FAILED" });
  }
  const failing = { id: "a", start: [stillborn, ["ignore"], { on }] } as const;
  await assert.rejects(spawn(supervisor({ children: [failing] })), {
    code: "ACTOR_START_FAILED",
    reason: { shutdown: { failed_to_start_child: "a", reason: "ignore" } },
  });
  const empty = await spawn(supervisor({}));
  await assert.rejects(startChild(empty, failing), { code: "SUPERVISOR_REFUSED", reason: "ignore" });
  await stop(empty);
});

test("a start function ignores with the symbol, or with what spawn says of a server that does; not with a reason", async () => {
  const ignoring = genServer({ init: () => ignore });
  const pid = await spawn(
    supervisor({
      children: [
        { id: "symbol", start: async () => ignore },
        { id: "passed on", start: async () => await spawn(ignoring) },
      ],
    }),
  );
  assert.deepEqual(
    (await whichChildren(pid)).map((child) => [child.id, child.pid]),
    [
      ["symbol", undefined],
      ["passed on", undefined],
    ],
  );
  await stop(pid);
  const start = async (): Promise<Pid> => {
    throw new ExitError("ignore");
  };
  await assert.rejects(spawn(supervisor({ children: [{ id: "thrown", start }] })), {
    code: "ACTOR_START_FAILED",
    reason: { shutdown: { failed_to_start_child: "thrown", reason: "ignore" } },
  });
});

test("an exit is clean when its reason says so, not when an error or a class happens to have the word", () => {
  class Pool {
    shutdown(): void {}
  }
  const clean = ["normal", "shutdown", { shutdown: undefined }, { shutdown: "x" }];
  const unclean = [Object.assign(new Error("x"), { shutdown: true }), new Pool(), Object.create({ shutdown: 1 }), null];
  assert.deepEqual(
    [...clean, ...unclean].map((reason) => isCleanExit(reason as never)),
    [...clean.map(() => true), ...unclean.map(() => false)],
  );
});

test("an actor that throws undefined or null has crashed, and everything it still tries fails with that", async (t) => {
  const reports: CrashReport[] = [];
  setCrashReporter((report) => reports.push(report));
  t.after(() => setCrashReporter(() => {}));
  for (const thrown of [undefined, null]) {
    const failed = Promise.withResolvers<ExitError>();
    const pid = await spawn(async (self: Self) => {
      setImmediate(() => void self.receive().catch(failed.resolve));
      throw thrown;
    });
    const reason = await exitOf(pid).then(() => failed.promise);
    assert.notEqual(reason.reason, "normal");
    assert.equal(reports.pop()?.error, thrown);
  }
});

onBothSides("a call survives that whom it goes to is lost on its way as a message", async (on) => {
  const server = await newPuppet(on);
  const pending = call(server as never, { do: "hold" } as never);
  const from = (await next(server)) as From;
  for (const overflow of ["error", "dropNewest", "dropOldest"] as const) {
    const full = await spawn(
      async (self: Self) => {
        await new Promise(() => {});
        await self.receive();
      },
      [],
      { mailbox: { limit: 1, overflow } },
    );
    await settled();
    for (let sent = 0; sent < 3; sent++) {
      try {
        send(full, from);
      } catch (error) {
        assert.equal((error as ExitError).code, "ACTOR_MAILBOX_FULL");
      }
    }
    exit(full, "kill");
  }
  reply(from, "the answer");
  assert.equal(await pending, "the answer");
});
