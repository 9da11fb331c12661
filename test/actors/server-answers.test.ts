/** What servers do with what their callbacks return and throw, on one thread and across threads. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  cast,
  ExitError,
  genServer,
  genStatem,
  send,
  setCrashReporter,
  spawn,
  startWith,
  stop,
  type CrashReport,
  type Pid,
} from "../../src/actors/index.ts";
import { answering, type Way } from "../fixtures/actors/answering.ts";
import { exitOf, newPuppet, next, onBothSides, tell } from "./support.ts";

async function watched(on: "here" | number, way: Way): Promise<{ pid: Pid; reason: () => Promise<any> }> {
  const watcher = await newPuppet();
  const pid = await spawn(answering, [way], { on, monitor: watcher });
  return { pid, reason: async () => (await next(watcher)).reason };
}

for (const way of [
  "undefined",
  "later undefined",
  "null",
  "7",
  "{}",
  "{ state }",
  "{ noReply: false }",
  "[]",
] as const) {
  onBothSides(
    `a handleCall that returns ${way} ends its server with a bad return value, and the caller hears it`,
    async (on) => {
      const { pid, reason } = await watched(on, way);
      // Without end: the caller does not learn it from a timeout.
      await assert.rejects(call(pid as never, "x" as never, Infinity), (error: any) => {
        assert.equal(error.code, "ACTOR_CALL_FAILED");
        assert.equal(error.reason.code, "ACTOR_BAD_RETURN");
        assert.match(error.message, /handleCall returned .+\. It returns \{ reply \}/);
        return true;
      });
      assert.equal((await reason()).code, "ACTOR_BAD_RETURN");
    },
  );
}

onBothSides("the same goes for casts and messages", async (on) => {
  for (const way of ["7", "{}", "null"] as const) {
    for (const [name, tellIt] of [
      ["handleCast", cast],
      ["handleInfo", send],
    ] as const) {
      const { pid, reason } = await watched(on, way);
      tellIt(pid as never, "x");
      const { code, message } = await reason();
      assert.equal(code, "ACTOR_BAD_RETURN");
      assert.match(message, new RegExp(`^${name} returned`));
    }
  }
});

test("a wrong answer is refused as a whole: its reply is not sent", async () => {
  for (const answer of [
    { reply: 1, idleTimeoutMs: "soon" },
    { reply: 1, stop: undefined },
    { noReply: true, idleTimeoutMs: Number.NaN },
  ]) {
    const pid = await spawn(genServer({ init: () => 0, handleCall: () => answer as never, handleTimeout: () => {} }));
    await assert.rejects(call(pid as never, "x" as never, Infinity), (error: any) => {
      assert.equal(error.reason.code, "ACTOR_BAD_RETURN");
      return true;
    });
  }
});

test("handleContinue and handleTimeout end their server with a bad return value, too", async () => {
  for (const answer of [
    7,
    null,
    {},
    [],
    { stop: undefined },
    { state: 1, stop: undefined },
    { idleTimeoutMs: "soon" },
  ]) {
    for (const [name, first] of [
      ["handleContinue", { continue: 1 }],
      ["handleTimeout", { idleTimeoutMs: 0 }],
    ] as const) {
      const watcher = await newPuppet();
      const server = genServer({ init: () => startWith(0, first), [name]: () => answer as never });
      await spawn(server, [], { monitor: watcher });
      const { reason } = await next(watcher);
      assert.equal(reason.code, "ACTOR_BAD_RETURN");
      assert.match(reason.message, new RegExp(`^${name} returned`));
    }
  }
});

test("a first step for which the server has no callback fails its start", async () => {
  for (const next of [{ continue: 1 }, { idleTimeoutMs: 1 }]) {
    await assert.rejects(spawn(genServer({ init: () => startWith(0, next) })), (error: any) => {
      assert.deepEqual([error.code, error.reason.code], ["ACTOR_START_FAILED", "ACTOR_BAD_RETURN"]);
      return true;
    });
  }
});

onBothSides("`{ stop, reply }` replies, also if `terminate` throws", async (on) => {
  for (const way of [
    "stop and reply",
    "stop and reply; terminate throws",
    "stop and reply; terminate rejects",
  ] as const) {
    const { pid, reason } = await watched(on, way);
    assert.equal(await call(pid as never, "x" as never), "the last reply");
    const ended = await reason();
    assert.equal(ended.message ?? ended, way === "stop and reply" ? "enough" : "in terminate");
  }
});

onBothSides("`throw undefined` is a crash like any other", async (on) => {
  const { pid, reason } = await watched(on, "throw undefined");
  await assert.rejects(call(pid as never, "x" as never, Infinity), { code: "ACTOR_CALL_FAILED" });
  assert.match((await reason()).message, /threw undefined/);
  await assert.rejects(spawn(answering, ["init throws undefined"], { on }), (error: any) => {
    assert.equal(error.code, "ACTOR_START_FAILED");
    assert.match(error.reason.message, /threw undefined/);
    return true;
  });
});

test("`throw undefined` is reported, once each", async () => {
  const reports: CrashReport[] = [];
  setCrashReporter((report) => reports.push(report));
  try {
    const pids = [
      await spawn(async () => Promise.reject(undefined)),
      await spawn(() => {
        throw undefined;
      }),
      await spawn(answering, ["throw undefined"]),
    ];
    send(pids[2] as Pid, "x");
    for (const pid of pids) await exitOf(pid as Pid);
    assert.deepEqual(
      reports.map(({ error }) => error),
      [undefined, undefined, undefined],
    );
  } finally {
    setCrashReporter(() => {});
  }
});

onBothSides("an exit without a reason is no exit without a trace: a reason says that there was none", async (on) => {
  const watcher = await newPuppet();
  const pid = await newPuppet(on, { monitor: watcher });
  void tell(pid, { do: "exit", reason: undefined }).catch(() => {});
  assert.ok((await next(watcher)).reason instanceof Error);
});

onBothSides("a reason loses its class on the way to others, on one thread as across threads", async (on) => {
  for (const way of ["throw its error", "throw its object"] as const) {
    const { pid, reason } = await watched(on, way);
    const failed = await call(pid as never, "x" as never).catch((error) => error.reason);
    for (const seen of [await reason(), failed]) {
      assert.equal(seen.detail, "kept");
      assert.equal(Object.getPrototypeOf(seen), way === "throw its error" ? Error.prototype : Object.prototype);
    }
  }
});

test("a `terminate` that throws is reported as a crash; one that exits on purpose is not", async (t) => {
  const reports: unknown[] = [];
  setCrashReporter(({ error }) => reports.push(error));
  t.after(() => setCrashReporter(() => {}));
  const failed = new Error("the file is not closed");
  const ways: readonly (() => unknown)[] = [
    () => {
      throw failed;
    },
    () => {
      throw new ExitError("on purpose");
    },
  ];
  for (const terminate of ways) {
    const server = await spawn(genServer({ init: () => 0, terminate: () => terminate() as void }));
    const machine = await spawn(
      genStatem({
        init: () => ({ state: "on", data: 0 }),
        states: { on: () => {} },
        terminate: () => terminate() as void,
      }),
    );
    for (const pid of [server, machine] as Pid[]) await stop(pid).catch(() => {});
  }
  assert.deepEqual(reports, [failed, failed]);
});
