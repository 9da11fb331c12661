import assert from "node:assert/strict";
import { test } from "node:test";
import { fitUsl, uslThroughput } from "../../../src/tune/estimate/usl.ts";
import type { UslFit } from "../../../src/tune/types.ts";
import { levelsOf, near } from "../support/levels.ts";

/** A Cisco load test, as usl4j has it: N = 1 to 32. */
const CISCO = [
  955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61, 8278.71, 8646.7, 9047.84,
  9426.55, 9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52, 11151.43, 11518.63, 11806, 12089.37, 12075.41,
  12177.29, 12211.41, 12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
];

test("Cisco: the published coefficients, peak and predictions", () => {
  const fit = fitUsl(
    levelsOf(
      CISCO.map((_, at) => at + 1),
      CISCO,
    ),
  ) as UslFit;
  near(fit.alpha, 0.02671591, 1e-4);
  near(fit.beta, 7.690945e-4, 1e-4);
  near(fit.gamma, 995.6486, 1e-4);
  assert.equal(Math.floor(fit.peakConcurrency as number), 35);
  near(fit.peakThroughput, 12341, 1e-3);
  near(uslThroughput(fit, 20), 11063.63, 1e-4);
  near((1000 * 20) / uslThroughput(fit, 20), 1.80772, 1e-4);
});

test("specsdm91: the published coefficients, peak and roof", () => {
  const fit = fitUsl(levelsOf([1, 18, 36, 72, 108, 144, 216], [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775, 1702.2]));
  near(fit?.alpha, 0.0277285, 1e-4);
  near(fit?.beta, 1.044e-4, 1e-3);
  near(fit?.gamma, 89.995, 1e-4);
  near(fit?.peakConcurrency, 96.52, 1e-3);
  near(fit?.peakThroughput, 1884, 1e-2);
  near(fit?.roof, 3245.6, 1e-3);
});

test("raytracer: contention but no peak", () => {
  const fit = fitUsl(
    levelsOf([1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64], [20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310]),
  );
  near(fit?.alpha, 0.0578, 1e-2);
  near(fit?.gamma, 21.85, 1e-2);
  assert.equal(fit?.beta, 0);
  assert.equal(fit?.peakConcurrency, undefined);
  assert.equal(fit?.peakThroughput, undefined);
});

test("synthetic: exact points give back their own coefficients", () => {
  const fit = fitUsl(levelsOf([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557]));
  near(fit?.alpha, 0.02, 1e-2);
  near(fit?.beta, 0.02, 1e-2);
  near(fit?.gamma, 1, 1e-3);
  near(fit?.peakConcurrency, 7, 1e-2);
});

test("the coefficients come back over the whole range that they may have, in any unit of throughput", () => {
  for (const alpha of [0, 0.001, 0.03, 0.3, 1]) {
    for (const beta of [0, 1e-6, 1e-3, 0.1]) {
      for (const gamma of [1e-3, 1, 1e6]) {
        const ns = [1, 2, 4, 8, 16, 32, 64, 128];
        const fit = fitUsl(
          levelsOf(
            ns,
            ns.map((n) => uslThroughput({ alpha, beta, gamma }, n)),
          ),
        );
        near(fit?.gamma, gamma, 1e-4);
        assert.ok(Math.abs((fit?.alpha ?? 9) - alpha) < 1e-4, `alpha ${fit?.alpha} for ${alpha}, ${beta}, ${gamma}`);
        assert.ok(Math.abs((fit?.beta ?? 9) - beta) < 1e-4, `beta ${fit?.beta} for ${alpha}, ${beta}, ${gamma}`);
      }
    }
  }
});

test("a server without contention has neither a peak nor a roof", () => {
  const fit = fitUsl(levelsOf([1, 2, 4, 8, 16, 32], [10, 20, 40, 80, 160, 320]));
  assert.deepEqual([fit?.alpha, fit?.beta, fit?.peakConcurrency, fit?.roof], [0, 0, undefined, undefined]);
  near(fit && uslThroughput(fit, 64), 640, 1e-6);
});

test("five concurrencies are too few for three coefficients, and no answers have none", () => {
  assert.equal(fitUsl(levelsOf([1, 2, 4, 8, 16], [1, 2, 3, 4, 5])), undefined);
  assert.equal(fitUsl([]), undefined);
  assert.equal(fitUsl(levelsOf([1, 2, 4, 8, 16, 32], [0, 0, 0, 0, 0, 0])), undefined);
});
