/**
 * What every limiter must do, whatever it is told, and the trials of the simulator. `faults` are those that a limiter is known for: the
 * contract asserts that it has them, so that the decision page stays true.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { drift, overload } from "../../bench/overload/trials.ts";
import type { MakeLimiter, System } from "../../bench/overload/simulator.ts";
import type { Window } from "../../src/server/http/admit/adaptive/limiter.ts";

export type Fault =
  /** It starves a server whose knee is far away, or one whose times vary. */
  | "gives throughput away"
  /** Its limit or its baseline rises for hours under overload. */
  | "ratchets"
  /** Requests take more than twice as long as at the knee. */
  | "lets times double";

const windows: fc.Arbitrary<Window[]> = fc.array(
  fc.record({
    slot: fc.nat(1000),
    slotMs: fc.constantFrom(125, 250, 1000),
    next: fc.nat(1000),
    endMs: fc.nat(1e6),
    lengthMs: fc.double({ min: 0.01, max: 1e5, noNaN: true }),
    answers: fc.integer({ min: 1, max: 1e6 }),
    meanMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    inFlight: fc.double({ min: 0, max: 1e5, noNaN: true }),
    fullShare: fc.double({ min: 0, max: 1, noNaN: true }),
    shed: fc.nat(1e6),
  }),
  { maxLength: 60 },
);

const sharp: System = { permits: 4, holdMs: 5, waitMs: 20, noise: "none" };
const wide: System = { permits: 10, holdMs: 2, waitMs: 50, noise: "exponential" };
const slow: System = { permits: 4, holdMs: 50, waitMs: 200, noise: "exponential" };

export function limiterContract(name: string, make: MakeLimiter, faults: readonly Fault[]): void {
  const has = (fault: Fault, isThere: boolean): void => {
    const known = faults.includes(fault);
    assert.equal(isThere, known, known ? `${name} no longer ${fault}: tell the decision page` : `${name} ${fault}`);
  };

  describe(`the limiter ${name}`, () => {
    test("has a whole limit from 1 to its max, whatever the windows are, also when its bounds change", () => {
      const bounds = fc.record({ seed: fc.integer({ min: 1, max: 50 }), more: fc.nat(100) });
      fc.assert(
        fc.property(bounds, windows, fc.integer({ min: 1, max: 80 }), ({ seed, more }, told, laterMax) => {
          let max = seed + more;
          const limiter = make({ seed, max });
          const check = (): void => {
            assert.ok(Number.isSafeInteger(limiter.limit), `${limiter.limit}`);
            assert.ok(limiter.limit >= 1 && limiter.limit <= max, `${limiter.limit} of ${max}`);
          };
          check();
          for (const [at, window] of told.entries()) {
            if (at === 30) limiter.resize({ seed: 1, max: (max = laterMax) });
            // Some follow each other.
            limiter.update(window.slot % 2 === 0 ? window : { ...window, slot: at, slotMs: 125, next: at + 1 });
            check();
          }
        }),
      );
    });

    test("stays where it is while nobody reaches the limit", () => {
      const limiter = make({ seed: 20, max: 1000 });
      for (let slot = 0; slot < 10_000; slot++) {
        const [endMs, next] = [slot * 125, slot + 1];
        const load = { answers: 100 + (slot % 7), meanMs: 20 + (slot % 5), inFlight: 5, fullShare: 0, shed: 0 };
        limiter.update({ slot, slotMs: 125, next, endMs, lengthMs: 125, ...load });
      }
      assert.ok(limiter.limit >= 15 && limiter.limit <= 25, `${limiter.limit}`);
    });

    test("at twice and five times the arrivals it keeps the throughput, and times within twice those at the knee", () => {
      const trials = [sharp, wide].flatMap((system) => [2, 5].map((times) => overload(system, make, times)));
      has(
        "gives throughput away",
        trials.some(({ goodput }) => goodput < 0.9),
      );
      has(
        "lets times double",
        trials.some(({ p95 }) => p95 > 2),
      );
      if (faults.length > 0) return;
      for (const { recoveredAfter } of trials) assert.ok(recoveredAfter <= 5, `recovered after ${recoveredAfter} s`);
    });

    test("hours of overload, a little or a lot, raise neither its limit nor its baseline", () => {
      const trials = [1.1, 2].map((times) => drift(slow, make, times, 1));
      has(
        "ratchets",
        trials.some(({ growth, baseline, largest }) => growth > 1.5 || baseline > 2 || largest > 8),
      );
      if (faults.length > 0) return;
      for (const { goodput } of trials) assert.ok(goodput > 0.9, `${goodput}`);
    });
  });
}
