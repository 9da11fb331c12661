/**
 * The pool under random orders of events: deaths, refused starts, messages that are lost, late or repeated, members that ignore
 * a drain or die slowly, clock jumps, wishes at any time, and changes of the wanted number. The limits hold at each step. When
 * the faults stop, actual becomes wanted, and nothing is stuck.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Rules } from "../../src/supervise/plan.ts";
import { type FakeMember, FakeMembers, fixedRules } from "./fake-members.ts";

const SETTLE_MS = 200_000;

const event = fc.record({
  what: fc.constantFrom(
    "ready",
    "ready",
    "ready",
    "die",
    "gone",
    "wish",
    "kill",
    "drain",
    "heard",
    "time",
    "time",
    "jump",
    "wanted",
    "refuse",
    "allow",
    "late",
    "look",
  ),
  who: fc.nat(20),
  amount: fc.nat(12_000),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

const settings = fc.record({
  kind: fc.constantFrom("fixed" as const, "elastic" as const),
  refill: fc.constantFrom("at-once" as const, "after-kill" as const, "after-end" as const),
  startingAtOnce: fc.constantFrom(1, 2, Infinity),
  silenceMs: fc.constantFrom(0, 3000),
});

const PLACES = 4;

function assertLimits(fake: FakeMembers, { kind, refill }: Pick<Rules, "kind" | "refill">, most: number): void {
  const { members } = fake.pool;
  for (const member of members) assert.notEqual(member.state.name, "gone");
  const byPlace = Map.groupBy(members, ({ place }) => place);
  for (const [place, here] of byPlace) {
    const active = here.filter(({ state }) => state.name === "starting" || state.name === "ready");
    assert.ok(active.length <= (kind === "fixed" ? 2 : 1), `${active.length} active at place ${place}`);
    assert.ok(active.filter(({ isReady }) => !isReady).length <= 1, `two start at place ${place}`);
    if (kind === "elastic" || refill === "after-end")
      assert.equal(here.length, 1, `${here.length} members at place ${place}`);
    assert.ok(place < most, `place ${place} of ${most}`);
  }
}

/** The ends of all that would end by themselves, and the beats and the readiness of all others. */
function behave(fake: FakeMembers): void {
  for (const member of fake.pool.members) {
    if (member.state.name === "killed" || member.state.name === "draining") fake.pool.gone(member, undefined);
    else if (member.state.name === "starting") fake.pool.ready(member);
    else fake.pool.heard(member);
  }
}

function play(fake: FakeMembers, late: FakeMember[], { what, who, amount }: Event): void {
  const { pool, clock } = fake;
  const { members } = pool;
  const member = members[who % Math.max(1, members.length)];
  if (member !== undefined) late.push(member);
  switch (what) {
    case "time":
      return clock.advance(amount);
    case "jump":
      return clock.jump(amount);
    case "wanted":
      fake.wanted = who % (PLACES + 1);
      return pool.look();
    case "refuse":
      fake.refuseToStart = new Error("refused");
      return;
    case "allow":
      fake.refuseToStart = undefined;
      return;
    case "look":
      return pool.look();
    case "late": {
      // Of one that may have ended long ago.
      const old = late[who % Math.max(1, late.length)];
      if (old === undefined) return;
      if (amount % 3 === 0) return pool.ready(old);
      if (amount % 3 === 1) return pool.gone(old, undefined);
      pool.replace(old, "recycle");
      return;
    }
  }
  if (member === undefined) return;
  switch (what) {
    case "ready":
      return pool.ready(member);
    case "die":
      return pool.gone(member, new Error("died"));
    case "gone":
      return pool.gone(member, undefined);
    case "wish":
      pool.replace(member, "recycle");
      return;
    case "kill":
      return pool.kill(member, amount % 2 === 0 ? new Error("blocked") : undefined);
    case "drain":
      return pool.drain(member, "used", clock.nowMs() + amount);
    case "heard":
      return pool.heard(member);
  }
}

test("whatever happens in whatever order, the limits hold, and in the end there is what is wanted", () => {
  fc.assert(
    fc.property(settings, fc.nat(PLACES), fc.array(event, { maxLength: 120 }), (rules, wanted, events) => {
      const places = rules.kind === "elastic" ? PLACES : undefined;
      const fake = new FakeMembers({ wanted, rules, ...(places !== undefined && { places }) });
      const late: FakeMember[] = [];
      fake.pool.open();
      for (const each of events) {
        play(fake, late, each);
        // Members that drain or are killed may stay at a place that is not wanted any more.
        assertLimits(fake, rules, PLACES);
      }
      fake.refuseToStart = undefined;
      for (let ms = 0; ms < SETTLE_MS; ms += 500) {
        fake.clock.advance(500);
        behave(fake);
        assertLimits(fake, rules, PLACES);
      }
      const ready = fake.pool.members.filter(({ isReady }) => isReady);
      if (rules.kind === "fixed") {
        assert.deepEqual(
          ready.map(({ place }) => place).sort((a, b) => a - b),
          Array.from({ length: fake.wanted }, (_, place) => place),
        );
      } else assert.ok(ready.length >= fake.wanted, `${ready.length} of ${fake.wanted}`);
      assert.equal(fake.pool.members.length, ready.length, fake.states().join(", "));
      assert.ok(
        ready.every(({ wish }) => wish === undefined),
        "a wish that nobody looked at",
      );
    }),
    { numRuns: 3000 },
  );
});

test("without any message but the end of what was killed, each place is tried again and again, ever more slowly", () => {
  const fake = new FakeMembers({ wanted: 2 });
  fake.pool.open();
  const seconds = 600;
  for (let second = 0; second < seconds; second++) {
    fake.clock.advance(1000);
    fake.endAllKilled();
  }
  const perPlace = fake.started / 2;
  assert.ok(perPlace > seconds / 60 && perPlace < (seconds * 1000) / fixedRules.startTimeoutMs, String(perPlace));
});

test("whatever happened before, a pool that closes ends, and starts nobody", async () => {
  await fc.assert(
    fc.asyncProperty(settings, fc.array(event, { maxLength: 60 }), async (rules, events) => {
      const fake = new FakeMembers({ wanted: 3, rules, places: rules.kind === "elastic" ? PLACES : 3 });
      fake.pool.open();
      const late: FakeMember[] = [];
      for (const each of events.slice(0, 30)) play(fake, late, each);
      const before = fake.started + fake.refused;
      const closed = fake.pool.close("stop", fake.clock.nowMs() + 1000);
      for (const each of events.slice(30)) play(fake, late, each);
      // Nobody listens to the drain: the pool kills them.
      fake.clock.advance(1000 + fixedRules.drainMarginMs + 12_000 * 30);
      assert.ok(fake.pool.members.every(({ state }) => state.name === "killed"));
      fake.endAll();
      await closed;
      assert.equal(fake.started + fake.refused, before);
      assert.equal(fake.clock.pending, 0);
    }),
    { numRuns: 500 },
  );
});
