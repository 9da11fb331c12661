/** handleContinue, idle timeouts and init timeouts of servers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  exit,
  genServer,
  isExit,
  processInfo,
  send,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  startWith,
  stop,
  supervisor,
  whichChildren,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { openDeadlines } from "../../../src/actors/messaging/deadlines.ts";
import { stuckInit } from "../../fixtures/actors/stuck-init.ts";
import { exitOf, onBothSides, watched } from "../support.ts";

setCrashReporter(() => {});
setSupervisorReporter(() => {});

/** Notes what is called. What a message says is the callback's answer. */
const noting = genServer({
  init: (_self: Self, next: object | undefined) => {
    const notes: unknown[] = ["init"];
    return next === undefined ? notes : startWith(notes, next);
  },
  handleCall: (request: object | "notes", notes: unknown[]): { reply: unknown } => {
    if (request === "notes") return { reply: notes };
    notes.push("call");
    return { reply: "ok", ...request };
  },
  handleCast: (answer: object, notes) => {
    notes.push("cast");
    return answer;
  },
  handleInfo: (message: unknown, notes) => {
    notes.push(message);
  },
  handleContinue: (value: unknown, notes) => {
    notes.push({ continued: value });
    return typeof value === "object" ? (value as object) : undefined;
  },
  handleTimeout: (notes) => {
    notes.push("timeout");
  },
});

const notesOf = (pid: Pid): Promise<unknown> => call(pid as never, "notes" as never);

test("handleContinue runs before any message, in the order of OTP: init, start, continue, messages", async () => {
  const pid = await spawn(noting, [{ continue: "load" }]);
  assert.deepEqual(await notesOf(pid), ["init", { continued: "load" }]);
  cast(pid, { continue: 1 });
  send(pid as Pid, "first");
  cast(pid, { continue: { continue: 2 } });
  send(pid as Pid, "second");
  const expected = [
    "cast",
    { continued: 1 },
    "first",
    "cast",
    { continued: { continue: 2 } },
    { continued: 2 },
    "second",
  ];
  assert.deepEqual(((await notesOf(pid)) as unknown[]).slice(2), expected);
  await stop(pid);
});

test("a call is replied to before the server continues", async () => {
  const pid = await spawn(noting, [undefined]);
  const replied = call(pid, { continue: "after" } as never);
  send(pid as Pid, "behind");
  assert.equal(await replied, "ok");
  assert.deepEqual(await notesOf(pid), ["init", "call", { continued: "after" }, "behind"]);
  await stop(pid);
});

test("a server that continues for ever shares its thread, and can be stopped", async () => {
  const seen = { continued: 0 };
  const endless = genServer({
    init: () => startWith(0, { continue: "again" }),
    handleContinue: (_again: string, n: number) => {
      seen.continued += 1;
      return { state: n + 1, continue: "again" };
    },
  });
  const pid = await spawn(endless);
  // A timer gets its turn, again and again.
  while (seen.continued < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  exit(pid, "shutdown");
  assert.equal(await exitOf(pid as Pid), "noproc");
  const atItsEnd = seen.continued;
  await new Promise(setImmediate);
  assert.equal(seen.continued, atItsEnd);
});

test("handleTimeout runs when no message comes in time", async () => {
  const timedOut = Promise.withResolvers<string>();
  const server = genServer({
    init: () => startWith("first", { idleTimeoutMs: 1 }),
    handleTimeout: (state: string) => {
      timedOut.resolve(state);
    },
  });
  const pid = await spawn(server);
  assert.equal(await timedOut.promise, "first");
  await stop(pid);
});

test("an idle timeout of 0 lets the messages in the mailbox go first, and any message ends it", async () => {
  const notes: unknown[] = [];
  const timedOut = Promise.withResolvers<void>();
  const server = genServer({
    init: () => 0,
    handleCall: (request: string) => {
      notes.push(request);
      return { reply: "ok" };
    },
    handleCast: (answer: object) => {
      notes.push("cast");
      return answer;
    },
    handleInfo: (message) => void notes.push(message),
    handleTimeout: () => {
      notes.push("timeout");
      timedOut.resolve();
    },
  });
  const pid = await spawn(server);
  cast(pid, { idleTimeoutMs: 0 });
  send(pid as Pid, "queued");
  await call(pid, "call");
  assert.deepEqual(notes, ["cast", "queued", "call"]);
  cast(pid, { idleTimeoutMs: 0 });
  // A message to the server before its timeout, even one that asks for it, would end the timeout.
  await timedOut.promise;
  await call(pid, "last");
  assert.deepEqual(notes, ["cast", "queued", "call", "cast", "timeout", "last"]);
  await stop(pid);
});

test("an idle timeout leaves nothing behind: not after a message, and not when the server is killed", async () => {
  const before = openDeadlines();
  const pid = await spawn(noting, [{ idleTimeoutMs: 60_000 }]);
  assert.equal(openDeadlines(), before + 1);
  send(pid as Pid, "not idle");
  await notesOf(pid);
  assert.equal(openDeadlines(), before);
  cast(pid, { idleTimeoutMs: 60_000 });
  await processInfo(pid);
  exit(pid, "kill");
  assert.equal(openDeadlines(), before);
});

test("an answer for which the server has no callback ends the server, with the reason", async () => {
  for (const answer of [{ continue: 1 }, { idleTimeoutMs: 1 }, { idleTimeoutMs: "soon" as never }]) {
    const server = genServer({ init: () => 0, handleCast: () => answer });
    const pid = await spawn(server);
    const { reason } = await watched(pid as Pid);
    cast(pid, 1);
    assert.equal(((await reason) as { code: string }).code, "ACTOR_BAD_RETURN");
  }
});

onBothSides("a server whose init takes too long is killed, and its start fails with the reason timeout", async (on) => {
  const outcome = Promise.withResolvers<unknown>();
  await spawn(async (self: Self) => {
    self.trapExit = true;
    const options = { on, link: self.pid, initTimeoutMs: 5, name: "stuck" };
    const error: unknown = await spawn(stuckInit, [], options).catch((thrown: unknown) => thrown);
    // As with start_link: no exit signal comes from it.
    const signal = await self.receive((message): message is unknown => isExit(message), { timeoutMs: 0 });
    // Its name is free.
    const again: unknown = await spawn(stuckInit, [], options).catch((thrown: unknown) => thrown);
    outcome.resolve([error, signal, again]);
  });
  const [error, signal, again] = (await outcome.promise) as { code: string; reason: string }[];
  assert.deepEqual([error!.code, error!.reason], ["ACTOR_START_FAILED", "timeout"]);
  assert.equal(signal, undefined);
  assert.deepEqual([again!.code, again!.reason], ["ACTOR_START_FAILED", "timeout"]);
});

test("a server that starts in time is not ended later, and no deadline stays", async () => {
  const before = openDeadlines();
  const pid = await spawn(noting, [undefined], { initTimeoutMs: 60_000 });
  assert.equal(openDeadlines(), before);
  const failing = genServer({
    init: () => {
      throw new Error("no");
    },
  });
  await assert.rejects(spawn(failing, [], { initTimeoutMs: 60_000 }), { code: "ACTOR_START_FAILED" });
  assert.equal(openDeadlines(), before);
  await stop(pid);
  for (const initTimeoutMs of [NaN, "5" as never]) {
    await assert.rejects(spawn(noting, [undefined], { initTimeoutMs }), { code: "ACTOR_INVALID" });
  }
});

test("a supervisor goes on when the init of a child takes too long", async () => {
  const tree = supervisor({
    children: [{ id: "stuck", start: [stuckInit, [], { initTimeoutMs: 5 }], restart: "temporary" }],
  });
  await assert.rejects(spawn(tree), { reason: { shutdown: { failed_to_start_child: "stuck", reason: "timeout" } } });
  const empty = await spawn(supervisor({}));
  assert.deepEqual(await whichChildren(empty), []);
  await stop(empty);
});
