/** Ground truth: the knee of random closed systems, whose exact throughput is known. bench/coverage.ts measures the same in full. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomFrom } from "../../../src/tune/estimate/random.ts";
import { median } from "../../../src/tune/estimate/statistics.ts";
import { covers, errorOf, runTrial, type Trial, type TrialOptions } from "../support/knee-trials.ts";

const SYSTEMS = 200;

function trials(options: TrialOptions, seed: number): Trial[] {
  const random = randomFrom(seed);
  return Array.from({ length: SYSTEMS }, () => runTrial(random, options));
}

function share(all: readonly Trial[], is: (trial: Trial) => boolean): number {
  return all.filter(is).length / all.length;
}

function kneeFound(name: string, all: readonly Trial[], atMost: number): void {
  const valued = all.filter(({ estimate }) => "value" in estimate);
  const error = median(valued.map(({ estimate, truth }) => Math.abs(errorOf(estimate, truth.knee) as number)));
  const covered = share(valued, ({ estimate, truth }) => covers(estimate, truth.knee));
  assert.ok(valued.length >= 0.95 * SYSTEMS, `${name}: ${valued.length} of ${SYSTEMS} answered with a value`);
  assert.ok(error <= atMost, `${name}: median error ${error}`);
  assert.ok(covered >= 0.9, `${name}: the interval covers ${covered}`);
  const roofError = median(all.map(({ throughputMax, truth }) => Math.abs(throughputMax / truth.throughputMax - 1)));
  assert.ok(roofError <= 0.05, `${name}: median error of X_max ${roofError}`);
}

test("the knee of 200 random systems is found, and the interval covers it, at every kind of noise", () => {
  kneeFound("5 %", trials({ noise: { spread: 0.05 } }, 11), 0.05);
  kneeFound("1 %", trials({ noise: { spread: 0.01 } }, 12), 0.02);
  kneeFound("bursts", trials({ noise: { spread: 0.05, bursts: 0.1 } }, 13), 0.05);
  kneeFound("slow passes", trials({ noise: { spread: 0.05, passes: 0.05 } }, 14), 0.05);
  kneeFound("10 %", trials({ noise: { spread: 0.1 } }, 15), 0.1);
});

test("also with two stations, with three repetitions, and on a finer grid", () => {
  kneeFound("two stations", trials({ noise: { spread: 0.05 }, twoStations: true }, 16), 0.05);
  kneeFound("three repetitions", trials({ noise: { spread: 0.05 }, repetitions: 3 }, 17), 0.05);
  kneeFound("finer", trials({ noise: { spread: 0.05 }, step: 1.4 }, 18), 0.05);
});

test("a sweep that stops below the knee is answered: not reached", () => {
  for (const noise of [{ spread: 0.05 }, { spread: 0.05, bursts: 0.1 }, { spread: 0.1 }]) {
    const unsaturated = trials({ noise, until: "knee", knees: [2, 400] }, 19);
    const told = share(unsaturated, ({ estimate }) => "notReached" in estimate);
    assert.ok(told >= 0.95, `${JSON.stringify(noise)}: ${told}`);
  }
});
