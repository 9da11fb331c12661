import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { type Deadline, TimerWheel } from "../../src/kit/timer-wheel.ts";

class Recorded implements Deadline {
  dueTick: number = 0;
  previousDue: Deadline | undefined = undefined;
  nextDue: Deadline | undefined = undefined;
  readonly wanted: number;
  readonly #expired: (deadline: Recorded) => void;

  constructor(wanted: number, expired: (deadline: Recorded) => void) {
    this.wanted = wanted;
    this.#expired = expired;
  }

  expire(): void {
    this.#expired(this);
  }
}

type Step =
  | { readonly do: "add"; readonly inTicks: number }
  | { readonly do: "remove"; readonly which: number }
  | { readonly do: "advance"; readonly byTicks: number };

/** Ticks of all sizes: each level of the wheel is met, and each border between two. */
const ticks = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: -2, max: 70 }))
  .map(([level, factor]) => factor * 64 ** level + (factor % 3));

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("add" as const), inTicks: ticks }),
  fc.record({ do: fc.constant("remove" as const), which: fc.nat(20) }),
  fc.record({ do: fc.constant("advance" as const), byTicks: ticks.map(Math.abs) }),
);

describe("a timer wheel", () => {
  test("lets each deadline expire when its tick has come, not before, in the order of the ticks", () => {
    const starts = fc.constantFrom(0, 63, 4095, 2 ** 31 - 100, 2 ** 31 + 5, 2 ** 40);
    fc.assert(
      fc.property(starts, fc.array(step, { maxLength: 60 }), (start, steps) => {
        const wheel = new TimerWheel(start);
        let now = start;
        const waiting: Recorded[] = [];
        const expired: Recorded[] = [];
        for (const each of steps) {
          if (each.do === "add") {
            const deadline = new Recorded(Math.max(now + each.inTicks, now + 1), (one) => expired.push(one));
            wheel.add(deadline, now + each.inTicks);
            waiting.push(deadline);
          } else if (each.do === "remove") {
            const [removed] = waiting.splice(each.which, 1);
            if (removed !== undefined) assert.equal(wheel.remove(removed), true);
          } else {
            now += each.byTicks;
            wheel.advance(now);
            const due = waiting.filter(({ wanted }) => wanted <= now).toSorted((a, b) => a.wanted - b.wanted);
            assert.deepEqual(
              expired.splice(0).map(({ wanted }) => wanted),
              due.map(({ wanted }) => wanted),
            );
            for (const one of due) {
              assert.equal(wheel.remove(one), false, "it is in the wheel no more");
              waiting.splice(waiting.indexOf(one), 1);
            }
          }
          assert.equal(wheel.size, waiting.length);
          const first = Math.min(...waiting.map(({ wanted }) => wanted));
          assert.ok(wheel.earliestTick <= first, "whoever looks at the earliest tick misses none");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("lets deadlines of one duration expire in the order in which they were set", () => {
    const wheel = new TimerWheel(1000);
    const order: number[] = [];
    for (let tick = 1000; tick < 1300; tick++) {
      wheel.advance(tick);
      for (const half of [0, 1]) wheel.add(new Recorded(2 * tick + half, (one) => order.push(one.wanted)), tick + 5000);
    }
    wheel.advance(10_000);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.equal(order.length, 600);
  });

  test("looks at a deadline once for each level at most until its time has come, however far that is", () => {
    const wheel = new TimerWheel(12_345);
    const due = 12_345 + 30 * 24 * 3_600_000;
    let expiredAt: number | undefined;
    wheel.add(new Recorded(due, () => (expiredAt = now)), due);
    let now = 0;
    let looks = 0;
    for (; wheel.size > 0; looks++) wheel.advance((now = wheel.earliestTick));
    assert.equal(expiredAt, due);
    assert.ok(looks <= 8, `${looks} looks`);
  });

  test("takes a deadline beyond the end of time for one that never comes", () => {
    const wheel = new TimerWheel(1000);
    wheel.add(new Recorded(0, () => assert.fail("expired")), Number.MAX_VALUE);
    wheel.advance(1000 + 1e13);
    assert.equal(wheel.size, 1);
  });

  test("lets an expiring deadline set others and clear those that are about to expire with it", () => {
    const wheel = new TimerWheel(0);
    const names: string[] = [];
    const second = new Recorded(0, () => names.push("second"));
    const again = new Recorded(0, () => names.push("again"));
    const first = new Recorded(0, () => {
      names.push("first");
      wheel.remove(second);
      wheel.add(again, 5);
      wheel.add(new Recorded(0, () => names.push("much later")), 5000);
    });
    wheel.add(first, 10);
    wheel.add(second, 10);
    wheel.advance(20);
    assert.deepEqual(names, ["first", "again"]);
    assert.equal(wheel.size, 1);
  });

  test("goes on from where it is used next when it was empty for long", () => {
    const wheel = new TimerWheel(0);
    wheel.moveTo(10_000_000);
    assert.equal(wheel.earliestTick, Infinity);
    let expired = false;
    wheel.add(new Recorded(0, () => (expired = true)), 10_000_003);
    wheel.advance(10_000_002);
    assert.equal(expired, false);
    wheel.advance(10_000_003);
    assert.equal(expired, true);
    assert.equal(wheel.earliestTick, Infinity);
  });

  test("moves what is in it along when it goes on from another tick, so that its time left is the same", () => {
    const wheel = new TimerWheel(5_000_000);
    const expired: number[] = [];
    for (const inTicks of [1, 100, 70_000]) {
      wheel.add(new Recorded(inTicks, (one) => expired.push(one.wanted)), 5_000_000 + inTicks);
    }
    wheel.moveTo(40);
    for (const [tick, wanted] of [
      [40 + 99, [1]],
      [40 + 69_999, [100]],
      [40 + 70_000, [70_000]],
    ] as const) {
      wheel.advance(tick);
      assert.deepEqual(expired.splice(0), wanted);
    }
  });
});
