/** Receiving: order, selection, timeouts, limits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  exit,
  genServer,
  type ExitError,
  isDown,
  isPid,
  pidEquals,
  processInfo,
  schedulerThreads,
  send,
  setMailboxLimits,
  spawn,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { gated } from "../../fixtures/actors/gated.ts";
import { newPuppet, next, onBothSides, settled, tell } from "../support.ts";

/** Runs the body as an actor that is sent these messages before it begins; resolves to what it returns. */
async function withMessages<T>(messages: readonly unknown[], body: (self: Self) => Promise<T>): Promise<T> {
  const result = Promise.withResolvers<T>();
  const pid = await spawn(async (self: Self) => {
    try {
      result.resolve(await body(self));
    } catch (error) {
      result.reject(error);
    }
  });
  for (const message of messages) send(pid, message);
  return await result.promise;
}

test("receive scans from the oldest to the newest; what does not match stays in place and in order", async () => {
  const got = await withMessages([1, 2, 3, 4, 5], async (self) => [
    await self.receive((n: number) => n % 2 === 0),
    await self.receive((n: number) => n > 2),
    await self.receive(),
    await self.receive(),
    await self.receive(),
  ]);
  assert.deepEqual(got, [2, 3, 1, 4, 5]);
});

test("a receive that waits looks at each message once, and leaves the others for later", async () => {
  const looked: number[] = [];
  const result = Promise.withResolvers<unknown[]>();
  const pid = await spawn(async (self: Self<number>) => {
    const first = await self.receive((n) => {
      looked.push(n);
      return n === 3;
    });
    result.resolve([first, await self.receive(), await self.receive()]);
  });
  for (const n of [1, 2, 3]) {
    send(pid, n);
    await settled();
  }
  assert.deepEqual(await result.promise, [3, 1, 2]);
  assert.deepEqual(looked, [1, 2, 3]);
});

test("a timeout of 0 polls", async () => {
  const got = await withMessages([], async (self) => {
    const nothing = await self.receive({ timeoutMs: 0 });
    send(self.pid, "here");
    return [
      nothing,
      await self.receive((m: string) => m === "other", { timeoutMs: 0 }),
      await self.receive({ timeoutMs: 0 }),
    ];
  });
  assert.deepEqual(got, [undefined, undefined, "here"]);
});

test("an actor that only polls starves neither other actors nor timers", async () => {
  const result = Promise.withResolvers<void>();
  await spawn(
    async (self: Self) => {
      while ((await self.receive({ timeoutMs: 0 })) !== "stop");
      result.resolve();
    },
    [],
    { name: "poller" },
  );
  setTimeout(() => send("poller", "stop"), 5);
  await result.promise;
});

test("the timer of a receive is not restarted by messages that do not match", async () => {
  const result = Promise.withResolvers<unknown>();
  const pid = await spawn(async (self: Self) => {
    result.resolve(await self.receive((m: string) => m === "never", { timeoutMs: 30 }));
  });
  const timer = setInterval(() => send(pid, "other"), 5);
  try {
    assert.equal(await result.promise, undefined);
  } finally {
    clearInterval(timer);
  }
});

test("what a match throws is thrown by receive, and the message stays", async () => {
  const got = await withMessages(["a"], async (self) => {
    const failing = (): boolean => {
      throw new Error("in match");
    };
    const error = (await self.receive(failing).catch((thrown: unknown) => thrown)) as Error;
    return [error.message, await self.receive()];
  });
  assert.deepEqual(got, ["in match", "a"]);
});

test("a second receive while one waits is refused", async () => {
  const code = await withMessages([], async (self) => {
    void self.receive().catch(() => {});
    return await self.receive().catch((error: ExitError) => error.code);
  });
  assert.equal(code, "ACTOR_RECEIVES_TWICE");
});

test("one actor is resumed at a time, and the next one when it parks", async () => {
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  const body = async (self: Self, name: string): Promise<void> => {
    await self.receive();
    for (let i = 0; i < 10; i++) {
      log.push(name);
      await Promise.resolve();
    }
    if (name === "c") done.resolve();
  };
  const pids = await Promise.all(["a", "b", "c"].map((name) => spawn(body, [name])));
  for (const pid of pids) send(pid, "go");
  await done.promise;
  assert.equal(log.join(""), "a".repeat(10) + "b".repeat(10) + "c".repeat(10));
});

test("a busy pair of actors starves neither timers nor I/O", async () => {
  const body = async (self: Self<Pid>): Promise<void> => {
    for (;;) {
      const from = await self.receive();
      send(from, self.pid);
    }
  };
  const [a, b] = [await spawn(body), await spawn(body)];
  send(a, b);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setImmediate(resolve));
  exit(a, "kill");
  exit(b, "kill");
});

test("messages are copied, so that neither side sees what the other changes", async () => {
  const message = { list: [1] };
  const result = Promise.withResolvers<{ list: number[] }>();
  const pid = await spawn(async (self: Self<{ list: number[] }>) => {
    const got = await self.receive();
    got.list.push(9);
    result.resolve(got);
  });
  send(pid, message);
  message.list.push(2);
  assert.deepEqual((await result.promise).list, [1, 9]);
  assert.deepEqual(message.list, [1, 2]);
});

onBothSides("what cannot be cloned is an error at the sender", async (on) => {
  const pid = await newPuppet(on);
  assert.throws(() => send(pid, { f: () => 1 }), { code: "NOT_CLONEABLE", message: /message\.f/ });
  await assert.rejects(tell(pid, { do: "hold", f: () => 1 } as never), { code: "NOT_CLONEABLE" });
});

onBothSides("pids go anywhere in messages, and are the same object wherever they come back", async (on) => {
  const [echo, other] = [await newPuppet(on), await newPuppet(on)];
  send(echo, { pids: [other, echo], map: new Map([["key", other]]) });
  const back = await next(echo);
  assert.equal(back.pids[0], other);
  assert.equal(back.pids[1], echo);
  assert.equal(back.map.get("key"), other);
  assert.ok(isPid(other) && pidEquals(back.pids[0], other) && !pidEquals(other, echo));
  assert.match(`${other.toString()} ${JSON.stringify(other)}`, /^<\d+\.\d+> "<\d+\.\d+>"$/);
});

onBothSides("a transferred buffer is moved to the receiver", async (on) => {
  const pid = await newPuppet(on);
  const buffer = new ArrayBuffer(16);
  send(pid, { buffer }, { transfer: [buffer] });
  assert.equal(buffer.byteLength, 0);
  assert.equal((await next(pid)).buffer.byteLength, 16);
});

/** An actor that receives nothing until it is told to. */
async function sleeper(mailbox: {
  limit: number;
  overflow: "error" | "dropOldest" | "dropNewest";
}): Promise<{ pid: Pid; open: () => Promise<unknown[]> }> {
  const gate = Promise.withResolvers<void>();
  const result = Promise.withResolvers<unknown[]>();
  const body = async (self: Self): Promise<void> => {
    await gate.promise;
    const all: unknown[] = [];
    for (let m = await self.receive({ timeoutMs: 0 }); m !== undefined; m = await self.receive({ timeoutMs: 0 }))
      all.push(m);
    result.resolve(all);
    await self.receive();
  };
  const pid = await spawn(body, [], { mailbox });
  await settled();
  return { pid, open: () => (gate.resolve(), result.promise) };
}

test("a full mailbox refuses with an error at the sender, and counts it", async () => {
  const { pid, open } = await sleeper({ limit: 2, overflow: "error" });
  send(pid, 1);
  send(pid, 2);
  assert.throws(() => send(pid, 3), { code: "ACTOR_MAILBOX_FULL" });
  await assert.rejects(call(pid as never, 4 as never), { code: "ACTOR_MAILBOX_FULL" });
  assert.equal((await processInfo(pid))!.messagesDropped, 2);
  assert.deepEqual(await open(), [1, 2]);
});

test("a full mailbox drops the oldest or the newest message, as it was told, and counts it", async () => {
  for (const [overflow, left] of [
    ["dropOldest", [2, 3]],
    ["dropNewest", [1, 2]],
  ] as const) {
    const { pid, open } = await sleeper({ limit: 2, overflow });
    for (const n of [1, 2, 3]) send(pid, n);
    assert.equal((await processInfo(pid))!.messagesDropped, 1);
    assert.deepEqual(await open(), left);
  }
});

test("a call that is pushed out of a full mailbox fails at once", async () => {
  const { pid, open } = await sleeper({ limit: 1, overflow: "dropOldest" });
  const pushedOut = call(pid as never, 1 as never);
  const [outcome] = await Promise.allSettled([pushedOut, Promise.resolve(send(pid, 2))]);
  assert.equal((outcome as PromiseRejectedResult).reason.code, "ACTOR_MAILBOX_FULL");
  assert.deepEqual(await open(), [2]);
});

test("across threads a full mailbox is told to the sender's thread, and told again when it has been read", async () => {
  const [thread] = await schedulerThreads();
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const pid = await spawn(gated, [gate], { on: thread!, mailbox: { limit: 4, overflow: "error" } });
  for (let n = 0; n < 8; n++) send(pid, n);
  assert.equal((await processInfo(pid))!.messagesDropped, 4);
  assert.throws(() => send(pid, 8), { code: "ACTOR_MAILBOX_FULL" });
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  while ((await processInfo(pid))!.mailboxLength > 0);
  send(pid, 9);
});

test("mailbox limits have a default that can be set, and must hold a message", () => {
  assert.throws(() => setMailboxLimits({ limit: 0 }), { code: "ACTOR_INVALID" });
  setMailboxLimits({});
});

test("processInfo tells what an actor does, and undefined when it has exited", async () => {
  const pid = await newPuppet();
  await tell(pid, { do: "trap" });
  const info = (await processInfo(pid))!;
  assert.equal(info.label, "puppet");
  assert.equal(info.status, "parked");
  assert.equal(info.trapExit, true);
  assert.equal(info.mailboxLength, 0);
  assert.ok(info.messagesReceived >= 1 && info.turns >= 1 && info.runTimeMs >= 0);
});

test("an actor made of a named function shows the function's name; a server or nameless one shows none", async () => {
  async function listener(self: Self): Promise<void> {
    await self.receive();
  }
  const pids = await Promise.all([
    spawn(listener),
    spawn(async (self: Self) => void (await self.receive())),
    spawn(genServer({ init: () => 0 })),
  ]);
  const labels = await Promise.all(pids.map(async (pid) => (await processInfo(pid as Pid))?.label));
  assert.deepEqual(labels, ["listener", undefined, undefined]);
  for (const pid of pids) exit(pid as Pid, "kill");
});

for (const [name, count] of [
  ["one message", 1],
  ["several messages", 3],
] as const) {
  test(`${name} that came before the first receive, and a DOWN after them, are received in order, in each way`, async () => {
    for (const way of ["receive", "match", "timeout", "poll"] as const) {
      const seen = Promise.withResolvers<unknown[]>();
      const gone = await spawn(() => {});
      // Nobody has a turn, so that the actor begins only when this code waits again.
      await settled();
      const pid = await spawn(async (self: Self<unknown>) => {
        self.monitor(gone);
        const got: unknown[] = [];
        while (got.length < count + 1) {
          if (way === "receive") got.push(await self.receive());
          if (way === "match") got.push(await self.receive(() => true));
          if (way === "timeout") got.push(await self.receive({ timeoutMs: 10_000 }));
          if (way === "poll") got.push((await self.receive({ timeoutMs: 0 })) ?? (await self.receive()));
        }
        seen.resolve(got.map((each) => (isDown(each) ? "down" : each)));
      });
      for (let i = 0; i < count; i++) send(pid, i);
      assert.deepEqual(await seen.promise, [...Array.from({ length: count }, (_, i) => i), "down"], way);
    }
  });
}

test("the first message of an actor that has not begun counts for its limit, and can be dropped", async () => {
  for (const [overflow, left] of [
    ["dropOldest", 1],
    ["dropNewest", 0],
  ] as const) {
    const seen = Promise.withResolvers<unknown>();
    const pid = await spawn(async (self: Self<number>) => seen.resolve(await self.receive()), [], {
      mailbox: { limit: 1, overflow },
    });
    send(pid, 0);
    send(pid, 1);
    assert.equal(await seen.promise, left);
  }
});
