/** What a state machine does with answers that are none, on one thread and across threads. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, cast, exit, genStatem, spawn, type Pid, type StateEvent } from "../../../src/actors/index.ts";
import { answeringMachine, machineWays } from "../../fixtures/actors/answering.ts";
import { newPuppet, next, onBothSides, settled } from "../support.ts";

async function watched(on: "here" | number, way: string): Promise<{ pid: Pid; reason: () => Promise<any> }> {
  const watcher = await newPuppet();
  const pid = await spawn(answeringMachine, [way], { on, monitor: watcher });
  return { pid, reason: async () => (await next(watcher)).reason };
}

const stops = (way: string): boolean => way.startsWith("stop and");

onBothSides(
  "a wrong answer ends the machine with a bad return value, and the caller hears it instead of a reply",
  async (on) => {
    for (const way of Object.keys(machineWays).filter((each) => !stops(each))) {
      const { pid, reason } = await watched(on, way);
      await assert.rejects(call(pid as never, "x" as never, Infinity), (error: any) => {
        assert.equal(error.code, "ACTOR_CALL_FAILED", way);
        assert.equal(error.reason.code, "ACTOR_BAD_RETURN", way);
        assert.match(error.reason.message, /^a state function returned /);
        return true;
      });
      assert.equal((await reason()).code, "ACTOR_BAD_RETURN");
    }
  },
);

onBothSides("`{ stop, reply }` of a machine replies, also if `terminate` throws", async (on) => {
  for (const way of Object.keys(machineWays).filter(stops)) {
    const { pid, reason } = await watched(on, way);
    assert.equal(await call(pid as never, "x" as never), "the last reply");
    const ended = await reason();
    assert.equal(ended.message ?? ended, way === "stop and reply" ? "enough" : "in terminate");
  }
});

test("a first answer that is none fails the start, and says what is right", async () => {
  for (const first of [
    5,
    [],
    {},
    { data: 0 },
    { state: "b", data: 0 },
    { state: "a", events: 1 },
    { state: "a", stop: 1 },
  ]) {
    const body = genStatem({ init: () => first as never, states: { a: () => {} } });
    await assert.rejects(spawn(body), (error: any) => {
      assert.equal(error.code, "ACTOR_START_FAILED");
      assert.equal(error.reason.code, "ACTOR_BAD_RETURN");
      assert.match(error.reason.message, /^init returned /);
      return true;
    });
  }
});

test("a machine that is killed while a callback waits runs none of its callbacks again", async () => {
  const ran: string[] = [];
  const may = Promise.withResolvers<void>();
  for (const answer of [{ stop: "enough" }, { state: "b" }]) {
    const entered = Promise.withResolvers<void>();
    const body = genStatem({
      init: () => ({ state: "a", data: 0 }),
      enterCalls: true,
      handleEvent: async (event: StateEvent) => {
        ran.push(event.type);
        if (event.type === "enter") return undefined;
        entered.resolve();
        await may.promise;
        return answer as never;
      },
      terminate: () => void ran.push("terminate"),
    });
    const pid = (await spawn(body)) as Pid;
    cast(pid as never, 1);
    await entered.promise;
    exit(pid, "kill");
  }
  may.resolve();
  await settled();
  assert.deepEqual(ran, ["enter", "cast", "enter", "cast"]);
});

test("a machine that is killed in its init is not entered", async () => {
  const ran: string[] = [];
  const may = Promise.withResolvers<void>();
  const body = genStatem({
    init: async () => {
      await may.promise;
      return { state: "a", data: 0 };
    },
    enterCalls: true,
    handleEvent: (event: StateEvent) => void ran.push(event.type),
  });
  await assert.rejects(spawn(body, [], { initTimeoutMs: 1 }), { code: "ACTOR_START_FAILED", reason: "timeout" });
  may.resolve();
  await settled();
  assert.deepEqual(ran, []);
});
