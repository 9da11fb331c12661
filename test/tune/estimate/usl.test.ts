import assert from "node:assert/strict";
import { test } from "node:test";
import { fitUsl, uslThroughput } from "../../../src/tune/estimate/usl.ts";
import type { LevelThroughputs } from "../../../src/tune/types.ts";

function levels(concurrencies: readonly number[], throughputs: readonly number[]): LevelThroughputs[] {
  return concurrencies.map((concurrency, at) => ({ concurrency, throughputs: [throughputs[at] as number] }));
}

function near(got: number | undefined, wanted: number, share: number): void {
  assert.ok(
    got !== undefined && Math.abs(got - wanted) <= share * wanted,
    `got ${got}, wanted ${wanted} within ${share}`,
  );
}

test("specsdm91: the published coefficients, peak and roof", () => {
  const fit = fitUsl(levels([1, 18, 36, 72, 108, 144, 216], [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775, 1702.2]));
  near(fit?.alpha, 0.0277285, 1e-4);
  near(fit?.beta, 1.044e-4, 1e-3);
  near(fit?.gamma, 89.995, 1e-4);
  near(fit?.peakConcurrency, 96.52, 1e-3);
  near(fit?.peakThroughput, 1884, 1e-2);
  near(fit?.roof, 3245.6, 1e-3);
});

test("raytracer: contention but no peak", () => {
  const fit = fitUsl(
    levels([1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64], [20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310]),
  );
  near(fit?.alpha, 0.0578, 1e-2);
  near(fit?.gamma, 21.85, 1e-2);
  assert.equal(fit?.beta, 0);
  assert.equal(fit?.peakConcurrency, undefined);
});

test("synthetic: exact points give back their own coefficients", () => {
  const fit = fitUsl(levels([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557]));
  near(fit?.alpha, 0.02, 1e-2);
  near(fit?.beta, 0.02, 1e-2);
  near(fit?.gamma, 1, 1e-3);
  near(fit?.peakConcurrency, 7, 1e-2);
});

test("a server without contention has neither a peak nor a roof", () => {
  const fit = fitUsl(levels([1, 2, 4, 8, 16, 32], [10, 20, 40, 80, 160, 320]));
  assert.deepEqual([fit?.alpha, fit?.beta, fit?.peakConcurrency, fit?.roof], [0, 0, undefined, undefined]);
  near(fit && uslThroughput(fit, 64), 640, 1e-6);
});

test("five concurrencies are too few for three coefficients", () => {
  assert.equal(fitUsl(levels([1, 2, 4, 8, 16], [1, 2, 3, 4, 5])), undefined);
  assert.equal(fitUsl([]), undefined);
  assert.equal(fitUsl(levels([1, 2, 4, 8, 16, 32], [0, 0, 0, 0, 0, 0])), undefined);
});
