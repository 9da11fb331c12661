/** Timeouts of calls and receives, for all kinds of values. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { call, exit, genServer, send, spawn, stop, supervisor, type Self } from "../../../src/actors/index.ts";
import { openDeadlines } from "../../../src/actors/messaging/deadlines.ts";
import { DAYS_30_MS, MAX_TIMER_MS, watchTimers } from "../../support/timers.ts";
import { newPuppet, onBothSides, settled, tell } from "../support.ts";

const echo = genServer({ init: () => 0, handleCall: (request: unknown) => ({ reply: request }) });

/** Runs an actor to its end, and resolves to what its function gives. */
async function asActor<T>(body: (self: Self) => Promise<T>): Promise<T> {
  const result = Promise.withResolvers<T>();
  await spawn(async (self: Self) => {
    await body(self).then(result.resolve, result.reject);
  });
  return await result.promise;
}

test("calls whose timeouts are all different leave nothing behind when they are over", async (t) => {
  const server = await spawn(echo);
  const { live, askedMs } = watchTimers(t);
  const calls = 200_000;
  await asActor(async (self) => {
    for (let left = calls; left > 0; left--) await self.call(server, left, 60_000 + left / 8);
  });
  assert.equal(openDeadlines(), 0);
  assert.ok(live.size <= 1, `${live.size} timers are left`);
  assert.ok(askedMs.length < calls / 100, `${askedMs.length} timers were set`);
});

test("receives whose timeouts are all different leave nothing behind when they are over", async (t) => {
  const { live } = watchTimers(t);
  await asActor(async (self) => {
    for (let left = 1000; left > 0; left--) {
      setImmediate(() => send(self.pid, left));
      assert.equal(await self.receive({ timeoutMs: 60_000 + left / 8 }), left);
    }
  });
  assert.equal(openDeadlines(), 0);
  assert.ok(live.size <= 1, `${live.size} timers are left`);
});

onBothSides("a call may wait for longer than a timer of Node's can, and looks at the clock rarely", async (on) => {
  await withTimers(async (skip, set) => {
    const silent = await newPuppet(on);
    let ended = false;
    const outcome = call(silent as never, { do: "hold" } as never, DAYS_30_MS).finally(() => (ended = true));
    outcome.catch(() => {});
    await skip(DAYS_30_MS - 1);
    assert.equal(ended, false);
    await skip(1);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT" });
    assert.ok(Math.max(...set) <= MAX_TIMER_MS, `a timer was set for ${Math.max(...set)} ms`);
    assert.ok(set.length < 20, `${set.length} timers were set`);
    exit(silent, "kill");
  });
});

test("a receive may wait for longer than a timer of Node's can", async (t) => {
  const { askedMs } = watchTimers(t);
  const pid = await spawn((self: Self) => self.receive({ timeoutMs: DAYS_30_MS }));
  await settled();
  exit(pid, "kill");
  assert.ok(Math.max(...askedMs) <= MAX_TIMER_MS, `a timer was set for ${Math.max(...askedMs)} ms`);
});

test("a timeout is heard with timers that a test has put into the place of those that were there at the last call", async () => {
  const server = await spawn(echo);
  await call(server, "before" as never);
  const silent = await newPuppet();
  await withTimers(async (skip) => {
    const outcome = call(silent as never, { do: "hold" } as never);
    outcome.catch(() => {});
    await skip(5000);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT" });
  });
  exit(silent, "kill");
});

test("a timeout is what it should be after the clock of a test was far ahead", async () => {
  const silent = await newPuppet();
  await withTimers(async (skip) => {
    const outcome = call(silent as never, { do: "hold" } as never, DAYS_30_MS);
    outcome.catch(() => {});
    await skip(DAYS_30_MS);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT" });
  });
  await withTimers(async (skip) => {
    const outcome = call(silent as never, { do: "hold" } as never, 1000);
    outcome.catch(() => {});
    await skip(1000);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT" });
  });
  exit(silent, "kill");
});

onBothSides("a timeout that is no number is refused, with what it should be", async (on) => {
  const server = await newPuppet(on);
  for (const [wrong, shown] of [
    [Number.NaN, "NaN"],
    ["5000", '"5000"'],
    [null, "null"],
    [new Date(0), "an object"],
  ] as const) {
    const message = `the timeout of a call must be a number of milliseconds, and is ${shown}.`;
    const refused = { code: "ACTOR_INVALID", message, hint: "Infinity is without end; 0 or less is over at once." };
    await assert.rejects(call(server as never, { do: "ping" } as never, wrong as never), refused);
    await assert.rejects(stop(server, "normal", wrong as never), refused);
    await assert.rejects(
      asActor((self) => self.call(server as never, { do: "ping" } as never, wrong as never)),
      refused,
    );
    await assert.rejects(
      asActor((self) => self.receive({ timeoutMs: wrong as never })),
      {
        code: "ACTOR_INVALID",
        message: `the timeoutMs of a receive must be a number of milliseconds, and is ${shown}.`,
      },
    );
  }
  assert.equal(await tell(server, { do: "ping" }), "pong");
  assert.deepEqual(await tell(server, { do: "unseen" }), [], "none of the calls was sent");
});

test("a receive with a timeout of 0 or less only looks, and sets no timer", async (t) => {
  const { askedMs } = watchTimers(t);
  const got = await asActor(async (self) => [
    await self.receive({ timeoutMs: 0 }),
    await self.receive({ timeoutMs: -1 }),
    await self.receive({ timeoutMs: -Infinity }),
    await self.receive(() => true, { timeoutMs: -0.5 }),
  ]);
  assert.deepEqual(got, [undefined, undefined, undefined, undefined]);
  assert.deepEqual(askedMs, []);
});

onBothSides("a call with a timeout of 0 or less is sent, and times out unless its reply is there", async (on) => {
  for (const timeoutMs of [0, -1, -Infinity]) {
    const silent = await newPuppet(on);
    const outcome = call(silent as never, { do: "hold" } as never, timeoutMs);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT" });
    assert.equal((await tell(silent, { do: "unseen" })).length, 1, "it was sent");
    exit(silent, "kill");
  }
  const server = await spawn(echo);
  // The timer does not fire, however late the server gets its turn.
  await withTimers(async () => assert.equal(await asActor((self) => self.call(server, "quick", -1)), "quick"));
});

test("a call with an infinite timeout sets no timer", async (t) => {
  const server = await spawn(echo);
  const { askedMs } = watchTimers(t);
  assert.equal(await call(server, "x" as never, Infinity), "x");
  assert.deepEqual(askedMs, []);
});

test("a supervisor's times are numbers; infinite ones are for ever", async () => {
  const child = { id: "child", start: [async (self: Self) => void (await self.receive())] } as const;
  assert.throws(() => supervisor({ periodMs: Number.NaN }), { code: "SUPERVISOR_INVALID", message: /got NaN\.$/ });
  assert.throws(() => supervisor({ periodMs: "5000" as never }), { code: "SUPERVISOR_INVALID" });
  assert.throws(() => supervisor({ children: [{ ...child, shutdown: Number.NaN }] }), {
    code: "SUPERVISOR_INVALID",
    message: "shutdown is milliseconds, infinity or brutal_kill; got NaN.",
  });
  assert.throws(() => supervisor({ children: [{ ...child, shutdown: -1 }] }), { code: "SUPERVISOR_INVALID" });
  const patient = supervisor({ periodMs: Infinity, children: [{ ...child, shutdown: Infinity }] });
  await stop(await spawn(patient));
});

test("a supervisor may give a child longer to stop than a timer of Node's can wait", async (t) => {
  const { askedMs } = watchTimers(t);
  const child = async (self: Self): Promise<void> => {
    self.trapExit = true;
    await self.receive();
    await settled();
  };
  await stop(await spawn(supervisor({ children: [{ id: 1, start: [child], shutdown: DAYS_30_MS }] })));
  assert.ok(Math.max(...askedMs) <= MAX_TIMER_MS, `a timer was set for ${Math.max(...askedMs)} ms`);
});

/** With a clock that is set by hand, half a millisecond before a whole one. `set`: what timers were set for. */
async function withTimers(
  run: (skip: (ms: number) => Promise<void>, set: readonly number[]) => Promise<void>,
): Promise<void> {
  let nowMs = Math.ceil(performance.now()) - 0.5;
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = mock.method(performance, "now", () => (nowMs += 0.0001));
  const set: number[] = [];
  const mocked = globalThis.setTimeout;
  const counted = mock.method(globalThis, "setTimeout", ((fn: () => void, ms: number) => {
    set.push(ms);
    return mocked(fn, ms);
  }) as never);
  try {
    await run(async (ms) => {
      nowMs += ms;
      mock.timers.tick(ms);
      await settled();
    }, set);
  } finally {
    counted.mock.restore();
    clock.mock.restore();
    mock.timers.reset();
  }
}
