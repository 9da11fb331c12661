/** Erlang's rules of exit signals, links and monitors; each test names its rule. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exit, spawn, whereis, type Self } from "../../../src/actors/index.ts";
import {
  ends,
  exitOf,
  isAlive,
  newObserver,
  newPuppet,
  next,
  onBothSides,
  reasonOf,
  settled,
  tell,
} from "../support.ts";

onBothSides("a link's exit signal ends the other with the same reason", async (on) => {
  const [a, b] = [await newPuppet(), await newPuppet(on)];
  await tell(a, { do: "link", pid: b });
  exit(a, "boom");
  assert.equal(await exitOf(b), "noproc");
  const [c, d] = [await newPuppet(), await newPuppet(on)];
  await tell(c, { do: "link", pid: d });
  const observer = await newPuppet();
  await tell(observer, { do: "monitor", pid: d });
  exit(c, "boom");
  assert.equal((await next(observer)).reason, "boom");
});

onBothSides("a signal whose link is no longer active is dropped", async (on) => {
  const [a, b] = [await newPuppet(), await newPuppet(on)];
  await tell(a, { do: "link", pid: b });
  await tell(a, { do: "unlink", pid: b });
  exit(b, "boom");
  assert.notEqual(await exitOf(b), undefined);
  assert.ok(await isAlive(a));
});

onBothSides("normal from another actor is dropped when not trapping", async (on) => {
  const [a, b] = [await newPuppet(), await newPuppet(on)];
  await tell(a, { do: "signal", pid: b, reason: "normal" });
  await tell(a, { do: "link", pid: b });
  await ends(b, { do: "return" });
  await exitOf(b);
  assert.ok(await isAlive(a));
});

onBothSides("exit(pid, 'kill') cannot be trapped, the reason is killed, and that is what links see", async (on) => {
  const observer = await newObserver();
  const victim = await newObserver(on);
  await tell(observer, { do: "link", pid: victim });
  exit(victim, "kill");
  assert.deepEqual(await next(observer), { type: "EXIT", from: victim, reason: "killed" });
});

onBothSides("kill that arrives as a link's reason can be trapped and is not converted", async (on) => {
  const observer = await newObserver();
  const linked = await newPuppet(on);
  await tell(observer, { do: "link", pid: linked });
  await ends(linked, { do: "exit", reason: "kill" });
  assert.deepEqual(await next(observer), { type: "EXIT", from: linked, reason: "kill" });
});

test("exit(self, 'normal') ends the actor when it does not trap exits", async () => {
  let after: unknown;
  const reason = await reasonOf(async (self) => {
    self.exit(self.pid, "normal");
    after = await self.receive().catch((error: unknown) => error);
  });
  assert.equal(reason, "normal");
  await settled();
  assert.equal((after as { code: string }).code, "ACTOR_EXITED");
});

test("exit(self, 'normal') is a message when the actor traps exits", async () => {
  const observer = await newObserver();
  await tell(observer, { do: "signal", pid: observer, reason: "normal" });
  assert.deepEqual(await next(observer), { type: "EXIT", from: observer, reason: "normal" });
});

onBothSides("an actor that traps exits gets {EXIT, from, reason} as a message", async (on) => {
  const [a, b] = [await newPuppet(), await newObserver(on)];
  await tell(a, { do: "signal", pid: b, reason: { why: "because" } });
  assert.deepEqual(await next(b), { type: "EXIT", from: a, reason: { why: "because" } });
});

onBothSides("there is at most one link for a pair, and one unlink takes it away from both", async (on) => {
  const [a, b] = [await newObserver(), await newObserver(on)];
  await tell(a, { do: "link", pid: b });
  await tell(b, { do: "link", pid: a });
  await tell(a, { do: "link", pid: b });
  await tell(b, { do: "unlink", pid: a });
  // Through b, so that the unlink has arrived.
  await tell(b, { do: "send", pid: a, messages: ["after"] });
  assert.equal(await next(a), "after");
  exit(b, "kill");
  await exitOf(b);
  assert.deepEqual(await tell(a, { do: "unseen" }), []);
});

onBothSides("linking to an actor that is not there gives the exit signal noproc", async (on) => {
  const gone = await newPuppet(on);
  exit(gone, "kill");
  await exitOf(gone);
  const observer = await newObserver();
  await tell(observer, { do: "link", pid: gone });
  assert.deepEqual(await next(observer), { type: "EXIT", from: gone, reason: "noproc" });
  const victim = await newPuppet();
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid: victim });
  await ends(victim, { do: "link", pid: gone });
  assert.equal((await next(watcher)).reason, "noproc");
});

onBothSides("monitors are one way, they stack, and each gives exactly one DOWN", async (on) => {
  const [watcher, watched] = [await newPuppet(), await newPuppet(on)];
  const refs = [
    await tell(watcher, { do: "monitor", pid: watched }),
    await tell(watcher, { do: "monitor", pid: watched }),
  ];
  exit(watched, "boom");
  const downs = [await next(watcher), await next(watcher)];
  assert.deepEqual(new Set(downs.map(({ ref }) => ref)), new Set(refs));
  assert.deepEqual(downs[0], { type: "DOWN", ref: downs[0].ref, pid: watched, reason: "boom" });
  assert.deepEqual(await tell(watcher, { do: "unseen" }), []);
  assert.ok(await isAlive(watcher));
});

onBothSides("a watcher that exits does not touch whom it watches", async (on) => {
  const [watcher, watched] = [await newPuppet(), await newPuppet(on)];
  await tell(watcher, { do: "monitor", pid: watched });
  exit(watcher, "boom");
  await exitOf(watcher);
  assert.ok(await isAlive(watched));
});

onBothSides("monitoring an actor that is not there gives DOWN with noproc", async (on) => {
  const [watcher, gone] = [await newPuppet(), await newPuppet(on)];
  exit(gone, "kill");
  await exitOf(gone);
  const ref = await tell(watcher, { do: "monitor", pid: gone });
  assert.deepEqual(await next(watcher), { type: "DOWN", ref, pid: gone, reason: "noproc" });
});

onBothSides("demonitor takes the monitor away, with flush also a DOWN that is in the mailbox", async (on) => {
  const watched = await newPuppet(on);
  const steps = Promise.withResolvers<unknown[]>();
  await spawn(async (self: Self) => {
    const ref = self.monitor(watched);
    const other = self.monitor(watched);
    exit(watched, "boom");
    // Wait until both DOWN messages are there, without taking the first.
    await self.receive((message: { ref?: number }) => message.ref === other);
    self.demonitor(ref, { flush: true });
    steps.resolve([await self.receive({ timeoutMs: 0 })]);
  });
  assert.deepEqual(await steps.promise, [undefined]);
  const [watcher, second] = [await newPuppet(), await newPuppet(on)];
  const ref = await tell(watcher, { do: "monitor", pid: second });
  await tell(watcher, { do: "demonitor", ref });
  exit(second, "boom");
  await exitOf(second);
  assert.deepEqual(await tell(watcher, { do: "unseen" }), []);
});

onBothSides("a name is released before EXIT and DOWN are sent", async (on) => {
  const named = await newPuppet(on, { name: "to be released" });
  assert.equal(whereis("to be released"), named);
  const seen = Promise.withResolvers<unknown>();
  await spawn(async (self: Self) => {
    self.monitor(named);
    exit(named, "boom");
    await self.receive();
    seen.resolve(whereis("to be released"));
  });
  assert.equal(await seen.promise, undefined);
});

onBothSides(
  "signals and messages of one sender arrive in order; what follows an exit signal may be lost",
  async (on) => {
    const [a, b] = [await newPuppet(), await newPuppet(on)];
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    await tell(a, { do: "send", pid: b, messages: numbers });
    await tell(a, { do: "send", pid: b, messages: ["last"] });
    const received: unknown[] = [];
    for (let message = await next(b); message !== "last"; message = await next(b)) received.push(message);
    assert.deepEqual(received, numbers);
    const observer = await newObserver(on);
    await tell(a, { do: "send", pid: observer, messages: ["before"] });
    await tell(a, { do: "signal", pid: observer, reason: "signal" });
    await tell(a, { do: "send", pid: observer, messages: ["after"] });
    assert.equal(await next(observer), "before");
    assert.equal((await next(observer)).reason, "signal");
    assert.equal(await next(observer), "after");
  },
);

onBothSides("what an actor throws is its reason, and links get it", async (on) => {
  const observer = await newObserver();
  const failing = await newPuppet(on);
  await tell(observer, { do: "link", pid: failing });
  await ends(failing, { do: "throw", message: "broken" });
  const { reason } = await next(observer);
  assert.equal(reason.message, "broken");
});

test("an exit signal unwinds an actor that waits in receive, kill does not resume it at all", async () => {
  const log: string[] = [];
  const body = async (self: Self): Promise<void> => {
    try {
      await self.receive();
    } finally {
      log.push("finally");
    }
  };
  const asked = await spawn(body);
  await settled();
  exit(asked, "shutdown");
  await settled();
  assert.deepEqual(log, ["finally"]);
  const killed = await spawn(body);
  await settled();
  exit(killed, "kill");
  await settled();
  assert.deepEqual(log, ["finally"]);
  assert.ok(!(await isAlive(asked)) && !(await isAlive(killed)));
});

test("what an actor waits for outside ends with its signal, and everything of its own fails after its death", async () => {
  const outcome = Promise.withResolvers<unknown>();
  const waits = Promise.withResolvers<void>();
  const pid = await spawn(async (self: Self) => {
    const { signal } = self;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    waits.resolve();
    await aborted;
    const failures = [() => self.link(self.pid), () => self.monitor(self.pid), () => self.exit("again")].map((act) => {
      try {
        return act();
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    const call = await self.call(self.pid as never, "x" as never).catch((error: { code: string }) => error.code);
    outcome.resolve([...failures, call, signal.reason.reason]);
  });
  await waits.promise;
  exit(pid, "enough");
  assert.deepEqual(await outcome.promise, ["ACTOR_EXITED", "ACTOR_EXITED", "ACTOR_EXITED", "ACTOR_EXITED", "enough"]);
});

test("a chain of 20,000 links falls without a stack, and everybody is gone", async () => {
  const count = 20_000;
  let previous = await newPuppet();
  const first = previous;
  for (let i = 0; i < count; i++) {
    previous = await spawn((self: Self) => self.receive(), [], { link: previous });
  }
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid: previous });
  exit(first, "domino");
  assert.equal((await next(watcher)).reason, "domino");
});
