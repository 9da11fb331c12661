/** Links between actors of two threads, when both ends link and unlink at the same time: never half a link. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exit, processInfo, schedulerThreads, spawn, type Pid, type Self } from "../../../src/actors/index.ts";
import { HeddleError } from "../../../src/errors/errors.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import { puppet } from "../../fixtures/actors/puppet.ts";
import { isAlive, newObserver, newPuppet, next, tell } from "../support.ts";

process.on("warning", () => {});

type Step = "link" | "unlink";

/** Both do their steps at the same time. Resolves when all that they have sent each other has arrived. */
async function together(a: Pid, stepsOfA: readonly Step[], b: Pid, stepsOfB: readonly Step[]): Promise<void> {
  await Promise.all([
    ...stepsOfA.map((step) => tell(a, { do: step, pid: b })),
    ...stepsOfB.map((step) => tell(b, { do: step, pid: a })),
  ]);
  await tell(a, { do: "call", pid: b, request: { do: "ping" } });
  await tell(b, { do: "call", pid: a, request: { do: "ping" } });
}

/** Who of the two has the link. */
async function linkOf(a: Pid, b: Pid): Promise<"both" | "neither" | "half"> {
  const [ofA, ofB] = await Promise.all([processInfo(a), processInfo(b)]);
  const has = [ofA!.links.includes(b), ofB!.links.includes(a)];
  return has[0] !== has[1] ? "half" : has[0] ? "both" : "neither";
}

/** A small generator, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 16;
  }
}

async function twoThreads(): Promise<[number, number]> {
  return (await schedulerThreads()) as [number, number];
}

test("`unlink; link` on one side and `unlink` on the other at once leave no half link", async () => {
  const [, there] = await twoThreads();
  for (const places of [["here", there], [there, "here"], await twoThreads()] as const) {
    const [a, b] = [await newPuppet(places[0]), await newPuppet(places[1])];
    for (let round = 0; round < 30; round++) {
      await together(a, ["link"], b, []);
      assert.equal(await linkOf(a, b), "both");
      await together(a, ["unlink", "link"], b, ["unlink"]);
      assert.notEqual(await linkOf(a, b), "half", `round ${round} between ${a.toString()} and ${b.toString()}`);
    }
  }
});

test("whatever two actors do to their link at once, both agree on it afterwards", async () => {
  const [here, there] = await twoThreads();
  const [a, b] = [await newPuppet(here), await newPuppet(there)];
  const random = numbers(7);
  const steps = (): Step[] =>
    Array.from({ length: random.next().value % 6 }, () => (random.next().value % 2 === 0 ? "link" : "unlink"));
  for (let round = 0; round < 150; round++) {
    const [ofA, ofB] = [steps(), steps()];
    await together(a, ofA, b, ofB);
    assert.notEqual(await linkOf(a, b), "half", `${ofA.join()} against ${ofB.join()}`);
  }
});

test("what the link says at the end is what an exit does", async () => {
  const [, there] = await twoThreads();
  for (let round = 0; round < 20; round++) {
    const [a, b] = [await newPuppet(), await newPuppet(there)];
    await together(a, ["link"], b, []);
    await together(a, ["unlink", "link"], b, ["unlink"]);
    const linked = await linkOf(a, b);
    exit(b, "the end");
    while (await isAlive(b));
    assert.equal(await isAlive(a), linked === "neither");
  }
});

test("after `unlink` the other's exit is not seen, also when its signal is on the way", async () => {
  const [, there] = await twoThreads();
  const [b, echo] = [await newPuppet(there), await newPuppet(there)];
  const seen = Promise.withResolvers<unknown>();
  await spawn(async (self: Self) => {
    self.trapExit = true;
    self.link(b);
    await self.call(b as never, { do: "ping" } as never);
    exit(b, "the end");
    await self.flush();
    // Long enough for the signal to be sent. This thread cannot receive it meanwhile.
    for (const sinceMs = performance.now(); performance.now() - sinceMs < 50; );
    self.unlink(b);
    await self.call(echo as never, { do: "ping" } as never);
    seen.resolve(await self.receive({ timeoutMs: 0 }));
  });
  assert.equal(await seen.promise, undefined);
});

test("a link is refused as ever when the other is gone, also right after an unlink", async () => {
  const [, there] = await twoThreads();
  const [a, b] = [await newObserver(), await newPuppet(there)];
  await together(a, ["link"], b, []);
  await tell(a, { do: "unlink", pid: b });
  exit(b, "the end");
  while (await isAlive(b));
  await tell(a, { do: "link", pid: b });
  assert.deepEqual(await next(a), { type: "EXIT", from: b, reason: "noproc" });
  assert.deepEqual((await processInfo(a))!.links, []);
});

test("an unlink that is not acknowledged because the thread ends is forgotten with the thread", async () => {
  const thread = (await twoThreads())[1];
  const [a, b] = [await newObserver(), await newPuppet(thread)];
  await together(a, ["link"], b, []);
  runtime().terminate(thread, new HeddleError("THREAD_DIED", "ended by the test"));
  await tell(a, { do: "unlink", pid: b });
  while (await isAlive(b));
  await tell(a, { do: "link", pid: b });
  assert.deepEqual(await next(a), { type: "EXIT", from: b, reason: "noconnection" });
});

test("a child that its parent unlinks while it is spawned elsewhere has no link", async () => {
  const [, there] = await twoThreads();
  const parent = await newPuppet();
  const child = await spawn(puppet, [], { on: there, link: parent });
  await together(parent, ["unlink"], child, ["unlink", "link", "unlink"]);
  assert.equal(await linkOf(parent, child), "neither");
});
