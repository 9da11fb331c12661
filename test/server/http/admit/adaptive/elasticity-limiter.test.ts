import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../../../../bench/harness/ratios.ts";
import {
  kneeOf,
  mostOf,
  type Second,
  simulate,
  simulateWorkers,
  type System,
} from "../../../../../bench/overload/simulator.ts";
import { change } from "../../../../../bench/overload/trials.ts";
import { ElasticityLimiter } from "../../../../../src/server/http/admit/adaptive/elasticity-limiter.ts";
import type { Bounds } from "../../../../../src/server/http/admit/adaptive/limiter.ts";

const make = (bounds: Bounds): ElasticityLimiter => new ElasticityLimiter(bounds);
const unbounded: Bounds = { seed: 16, max: 16_384 };

const sharp: System = { permits: 4, holdMs: 5, waitMs: 20, noise: "none" };
const systems: Readonly<Record<string, System>> = {
  "that takes the same time for each request": sharp,
  "whose times vary": { ...sharp, noise: "exponential" },
  "with a knee of hundreds": { permits: 10, holdMs: 2, waitMs: 50, noise: "exponential" },
};

function meanLimit(seconds: readonly Second[]): number {
  return seconds.reduce((sum, { limit }) => sum + limit, 0) / seconds.length;
}

function goodput(seconds: readonly Second[]): number {
  return seconds.reduce((sum, { good }) => sum + good, 0) / seconds.length;
}

for (const [name, system] of Object.entries(systems)) {
  describe(`the limit of a server ${name}`, () => {
    test("follows a cost that triples, and one that falls back, within 10 seconds", () => {
      const { followedUpAfter, followedDownAfter } = change(system, make);
      assert.ok(followedUpAfter <= 10, `up after ${followedUpAfter} s`);
      assert.ok(followedDownAfter <= 10, `down after ${followedDownAfter} s`);
    });

    test("finds the knee from far below and far above it", () => {
      const knee = kneeOf(system);
      for (const seed of [1, Math.round(10 * knee)]) {
        const limiter = make({ seed, max: 16_384 });
        const seconds = simulate({ system, limiter, rate: () => 2 * mostOf(system), seconds: 60 }).slice(40);
        assert.ok(goodput(seconds) > 0.9 * mostOf(system), `${goodput(seconds)} of ${mostOf(system)}`);
        assert.ok(meanLimit(seconds) < 2 * knee, `${meanLimit(seconds)} with a knee of ${knee}`);
      }
    });
  });
}

test("the floor is 1: where one request at a time is best, the limit comes down to it and stays there", () => {
  const system: System = { permits: 1, holdMs: 5, waitMs: 0, noise: "none" };
  const limiter = make(unbounded);
  const seconds = simulate({ system, limiter, rate: () => 3 * mostOf(system), seconds: 120 }).slice(60);
  assert.ok(meanLimit(seconds) < 1.2, `${meanLimit(seconds)}`);
  assert.ok(goodput(seconds) > 0.95 * mostOf(system));
});

test("after hours at the floor it goes up by itself when the app becomes faster", () => {
  const system: System = { permits: 1, holdMs: 200, waitMs: 20, noise: "none" };
  const fast = { ...system, holdMs: 2 };
  const changeMs = 2 * 3600 * 1000;
  const seconds = simulate({
    system,
    limiter: make(unbounded),
    rate: () => 600,
    cost: (atMs) => (atMs < changeMs ? 1 : 0.01),
    seconds: changeMs / 1000 + 20,
  });
  assert.ok(meanLimit(seconds.slice(3600, 7200)) < 2);
  assert.ok(goodput(seconds.slice(-10)) > 0.9 * mostOf(fast), `${goodput(seconds.slice(-10))} of ${mostOf(fast)}`);
});

test("pauses of a busy machine do not drive it up or down", () => {
  const random = seededRandom(7);
  // In a tenth of all moments everything takes four times as long.
  const slow = Array.from({ length: 3600 * 10 }, () => random() < 0.1);
  const seconds = simulate({
    system: sharp,
    limiter: make(unbounded),
    rate: () => 2 * mostOf(sharp),
    cost: (atMs) => (slow[Math.floor(atMs / 100)] === true ? 4 : 1),
    seconds: 1800,
  });
  const knee = kneeOf(sharp);
  for (const part of [seconds.slice(60, 600), seconds.slice(1200)]) {
    assert.ok(meanLimit(part) > 0.6 * knee && meanLimit(part) < 2 * knee, `${meanLimit(part)} with a knee of ${knee}`);
  }
});

test("workers that share what limits them do not take it from each other: together they stay at the knee", () => {
  const workers = 4;
  const limiters = Array.from({ length: workers }, () => make(unbounded));
  const rate = (): number => (2 * mostOf(sharp)) / workers;
  const runs = limiters.map((limiter, seed) => ({ system: sharp, limiter, rate, seconds: 300, seed: seed + 1 }));
  const seconds = simulateWorkers(300, runs).map((each) => each.slice(200));
  const limits = seconds.reduce((sum, each) => sum + meanLimit(each), 0);
  const together = seconds.reduce((sum, each) => sum + goodput(each), 0);
  assert.ok(limits < 2 * kneeOf(sharp), `${limits} with a knee of ${kneeOf(sharp)}`);
  assert.ok(together > 0.9 * mostOf(sharp), `${together} of ${mostOf(sharp)}`);
});

test("the baseline is that of a calm server, and overload changes nothing about it", () => {
  const limiter = make(unbounded);
  const most = mostOf(sharp);
  const rate = (atMs: number): number => (atMs < 20_000 ? 0.5 * most : 3 * most);
  const seconds = simulate({ system: sharp, limiter, rate, seconds: 600 });
  const [calm, loaded] = [seconds[19]?.baselineMs ?? 0, seconds.at(-1)?.baselineMs ?? 0];
  assert.ok(Math.abs(calm - 25) < 2, `${calm}`);
  assert.ok(loaded <= calm + 0.5, `${calm}, then ${loaded}`);
});

test("a worker whose share of the knee changes scales what it has found", () => {
  const limiter = make({ seed: 10, max: 20 });
  limiter.resize({ seed: 20, max: 40 });
  assert.ok(limiter.limit >= 16 && limiter.limit <= 24, `${limiter.limit}`);
  limiter.resize({ seed: 1, max: 1 });
  assert.equal(limiter.limit, 1);
});
