import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { workerClassesChart } from "../../bench/charts/worker-classes.ts";
import { KNEE_CASES, REPEATED, shapeCases, truthOf } from "../../bench/known/cases.ts";
import { pointsOf } from "../../bench/known/curves.ts";
import {
  judgeAgreement,
  judgeKnee,
  judgeShape,
  kneeRunOf,
  type KneeRun,
  withoutAnswer,
} from "../../bench/known/judge.ts";
import { type KnownResults, toMarkdown } from "../../bench/known/report.ts";
import type { KneeEstimate, Recommendation, Sample, TuneResult } from "../../src/tune/types.ts";

function run(knee: KneeEstimate | number, throughputMax: number = 200): KneeRun {
  const estimate = typeof knee === "number" ? { value: knee, low: knee * 0.95, high: knee * 1.05 } : knee;
  return { knee: estimate, throughputMax, seconds: 60, samples: 50, leftOut: { steal: 2 }, notes: [] };
}

const recommendation = (model: string, threads: number): Recommendation =>
  ({ model, workers: 1, threads, why: "So." }) as Recommendation;

describe("a server whose knee is known", () => {
  test("has it by its permits, and how long a request holds one", () => {
    assert.deepEqual(truthOf({ permits: 4, heldMs: 20, waitMs: 60 }), { knee: 16, throughput: 200 });
    assert.equal(KNEE_CASES.length, 8);
    assert.equal(REPEATED.truth.knee, 16);
    for (const { path, shape, truth } of KNEE_CASES.filter((each) => each.shape.model === "threads")) {
      assert.match(path, /&blocking$/);
      assert.ok(shape.threads > truth.knee, "the permits, and not the threads, are what is waited for");
    }
  });

  test("is judged by the errors of knee and throughput", () => {
    const truth = { knee: 16, throughput: 200 };
    const right = judgeKnee(run(17, 195), truth);
    assert.deepEqual([right.knee, right.throughput, right.isCovered], ["right", "right", false]);
    assert.deepEqual(
      [right.kneeError, right.throughputError].map((each) => each!.toFixed(3)),
      ["0.063", "-0.025"],
    );
    assert.equal(judgeKnee(run(16.5), truth).isCovered, true);
    assert.equal(judgeKnee(run(19), truth).knee, "wrong");
    assert.equal(judgeKnee(run(16, 180), truth).throughput, "wrong");
    assert.equal(judgeKnee(run({ inconclusive: "so" }), truth).knee, "no answer");
  });

  test("is right several times if no answer is far from their median, and runs without one are counted", () => {
    assert.equal(judgeAgreement([run(15), run(16), run(17), run({ inconclusive: "so" })]).verdict, "right");
    assert.deepEqual(judgeAgreement([run(10), run(16), run(16)]), { verdict: "wrong", furthest: 0.375 });
    assert.equal(judgeAgreement([run(10)]).verdict, "no answer");
    const runs = [
      run(16),
      run({ inconclusive: "so" }),
      run({ inconclusive: "so" }),
      run({ notReached: true, seenUpTo: 64 }),
    ];
    assert.deepEqual(
      [...withoutAnswer(runs)],
      [
        ["inconclusive: so", 2],
        ["not reached up to 64", 1],
      ],
    );
  });

  test("has a right model, and a right number of threads", () => {
    const [computes, waits, blocks] = shapeCases(2);
    assert.equal(judgeShape(recommendation("threads", 2), computes!), "right");
    assert.equal(judgeShape(recommendation("threads", 4), computes!), "wrong");
    assert.equal(judgeShape(recommendation("loop", 1), computes!), "wrong");
    assert.equal(judgeShape(recommendation("tasks", 2), waits!), "right");
    assert.equal(judgeShape(recommendation("threads", 64), waits!), "wrong");
    assert.equal(judgeShape(recommendation("threads", 20), blocks!), "right");
    assert.equal(judgeShape(recommendation("threads", 5), blocks!), "wrong");
  });
});

function sample(throughput: number, p95Ms: number, leftOut?: Sample["leftOut"]): Sample {
  return { throughput, latency: { p95Ms }, ...(leftOut && { leftOut }) } as Sample;
}

const levels: TuneResult["levels"] = [
  { concurrency: 1, samples: [sample(19, 51), sample(20, 52), sample(1, 900, "steal")] },
  { concurrency: 2, samples: [sample(3, 900, "steal")] },
];

test("a curve holds the levels with a sample that counts, and a run counts those that do not", () => {
  assert.deepEqual(pointsOf({ levels }), [{ concurrency: 1, throughput: 19.5, p95Ms: 51.5 }]);
  const counted = kneeRunOf({
    knee: run(4).knee,
    throughputMax: 80,
    seconds: 9.7,
    levels,
    notes: [],
  } as unknown as TuneResult);
  assert.deepEqual([counted.samples, counted.leftOut, counted.seconds], [4, { steal: 2 }, 10]);
});

const machine = {
  cpu: "c",
  cores: 2,
  memoryGiB: 4,
  kernel: "k",
  node: "v",
  date: "2026-01-02T",
  loadAverageAtStart: 0,
  generator: "",
};
const curve = {
  name: "gthread 1 × 4",
  version: "20",
  atOnce: 4,
  knee: run(4.1).knee,
  throughputMax: 80,
  points: [
    { concurrency: 1, throughput: 20, p95Ms: 51 },
    { concurrency: 8, throughput: 80, p95Ms: 102 },
  ],
};

describe("the results", () => {
  test("tell verdicts, how often there was no answer and why, and what could not be measured", () => {
    const results: KnownResults = {
      command: "npm run bench:known",
      machine,
      budgetSeconds: 60,
      knees: [{ ...REPEATED, runs: [run(16), run(30), run({ inconclusive: "noise" })] }],
      shapes: [
        { ...shapeCases(2)[0]!, recommendation: recommendation("threads", 2), perRoute: [], measured: [], notes: [] },
      ],
      curves: [curve],
      missing: ["Puma 2 × 16: no apt"],
    };
    const text = toMarkdown(results);
    assert.match(text, /\| 16 \| 16\.0 \(15\.2–16\.8\) \| 0\.0 % \| 200\/s \| 200\.0\/s \| 0\.0 % \| right \|/);
    assert.match(text, /\| 30\.0 \(28\.5–31\.5\) \| \+87\.5 % \| .* \| knee wrong, X_max right \|/);
    assert.match(text, /1 of 3 runs gave none: inconclusive: noise \(1 ×\)\./);
    assert.match(text, /Of 150 windows, left out: steal 6\./);
    assert.match(text, /\| computes for 20 ms \| threads, threads: cores \| threads 1 × 2 \| right \| So\. \|/);
    assert.match(text, /\| gthread 1 × 4 \(20\) \| 4 \| 4\.1 \(3\.9–4\.3\) \| 80\/s \|/);
    assert.match(text, /Not measured: Puma 2 × 16: no apt/);
  });

  test("are drawn with each class named", () => {
    const svg = workerClassesChart({ machine, curves: [curve, { ...curve, name: "heddle loop × 2" }] });
    assert.match(svg, /^<svg/);
    for (const name of ["gthread 1 × 4", "heddle loop × 2"]) assert.ok(svg.includes(name));
  });
});
