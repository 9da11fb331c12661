import assert from "node:assert/strict";
import { test } from "node:test";
import { exactThroughputs, systemWithKnee, truthOf } from "./closed-system.ts";
import { near } from "./levels.ts";

/** Reiser and Lavenberg's recursion, for stations of one server each. */
function meanValueAnalysis(demands: readonly number[], wait: number, most: number): number[] {
  let queues = demands.map(() => 0);
  const throughputs = [0];
  for (let n = 1; n <= most; n++) {
    const responses = demands.map((demand, station) => demand * (1 + (queues[station] as number)));
    const throughput = n / (wait + responses.reduce((sum, response) => sum + response, 0));
    queues = responses.map((response) => throughput * response);
    throughputs.push(throughput);
  }
  return throughputs;
}

test("the convolution gives what mean value analysis gives", () => {
  for (const [demands, wait] of [
    [[0.01], 0.19],
    [[0.02, 0.01, 0.015], 0.3],
    [[0.01, 0.01], 0],
  ] as const) {
    const stations = demands.map((demand) => ({ servers: 1, demand }));
    const expected = meanValueAnalysis(demands, wait, 200);
    const got = exactThroughputs({ stations, wait }, 200);
    for (const n of [1, 2, 3, 10, 50, 200]) near(got[n], expected[n] as number, 1e-9);
  }
});

test("one client has 1 / R_min, many clients have X_max, and servers without a wait have a sharp knee", () => {
  const system = systemWithKnee(80, 4);
  const truth = truthOf(system);
  near(truth.knee, 80, 1e-9);
  near(truth.throughputMax, 400, 1e-9);
  const exact = exactThroughputs(system, 1600);
  near(exact[1], 400 / 80, 1e-9);
  near(exact[1600], 400, 1e-9);
  const sharp = exactThroughputs(systemWithKnee(8, 8), 32);
  for (const [n, x] of sharp.entries()) assert.ok(Math.abs(x - 100 * Math.min(n, 8)) < 1e-6, `${n}: ${x}`);
});
