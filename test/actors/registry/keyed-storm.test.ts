/** Random registrations and ends, from several threads at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, exit, schedulerThreads, setCrashReporter, spawn, type Pid } from "../../../src/actors/index.ts";
import { registrar } from "../../fixtures/actors/registrar.ts";
import { newPuppet, tell } from "../support.ts";

setCrashReporter(() => {});

test("after a storm of registrations and ends, all threads have the same entries, of living actors, one for each unique key", async () => {
  let seed = 231;
  const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  const places = ["here" as const, ...(await schedulerThreads())];
  const registrars: Pid[] = await Promise.all(places.map((on) => spawn(registrar, [], { on })));
  const ask = (at: Pid, order: unknown): Promise<any> => call(at as never, order as never);
  const living = await Promise.all(Array.from({ length: 30 }, () => newPuppet(places[random(places.length)])));
  const all = new Set(living);
  for (let round = 0; round < 40; round++) {
    const working = Array.from({ length: 12 }, async () => {
      const at = registrars[random(registrars.length)]!;
      const pid = living[random(living.length)]!;
      const key = `key ${random(8)}`;
      if (random(3) > 0) await ask(at, { register: key, pid, value: random(100) });
      else await ask(at, { unregister: key, pid });
    });
    if (random(2) === 0) {
      const [dead] = living.splice(random(living.length), 1);
      exit(dead!, "kill");
      const born = await newPuppet(places[random(places.length)]);
      all.add(born);
      living.push(born);
    }
    await Promise.all(working);
  }
  // What each thread has told the others has arrived when it has answered.
  for (const pid of [...living, ...registrars, ...living]) {
    if (!registrars.includes(pid)) await tell(pid, { do: "ping" });
  }
  const seen: string[][] = [];
  for (const at of registrars) seen.push(await ask(at, "entries"));
  for (let tries = 0; tries < 10_000 && seen.some((each) => each.join() !== seen[0]!.join()); tries++) {
    await new Promise(setImmediate);
    for (const [i, at] of registrars.entries()) seen[i] = await ask(at, "entries");
  }
  for (const each of seen) assert.deepEqual(each, seen[0]);
  const names = new Set(living.map(String));
  for (const entry of seen[0]!) assert.ok(names.has(entry.split(" ")[2]!), `${entry} is of no living actor`);
  const keys = seen[0]!.filter((entry) => entry.startsWith("storm/")).map((entry) => entry.split(" <")[0]);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(seen[0]!.length > 0);
  for (const pid of [...all, ...registrars]) exit(pid, "kill");
});
