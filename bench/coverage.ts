/**
 * `npm run bench:coverage`: how far the estimated knee is from the true one, and how often its 95 % interval covers it, by true knee and by
 * noise. The systems are random closed systems of which the exact throughput is known (test/tune/support). No server and no clock takes
 * part: the same seed gives the same table on every machine. Writes docs/reference/knee-coverage.md and bench/results/coverage.json.
 *
 * `--quick` runs a tenth of the systems and writes nothing; `--check` fails if the committed table is not what this code gives.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { randomFrom } from "../src/tune/estimate/random.ts";
import { mean, median, quantileOfSorted, sorted } from "../src/tune/estimate/statistics.ts";
import { covers, errorOf, runTrial, type Trial, type TrialOptions } from "../test/tune/support/knee-trials.ts";

interface Row {
  readonly sweep: string;
  readonly knees: string;
  readonly systems: number;
  readonly value: number;
  readonly notReached: number;
  readonly inconclusive: number;
  readonly covered?: number;
  readonly medianError?: number;
  readonly p95Error?: number;
  /** high / low − 1 */
  readonly width?: number;
  readonly roofError: number;
}

const SEED = 20_26;
const SYSTEMS = 400;
const RESAMPLES = 1000;
const KNEES = [
  [1, 3],
  [3, 10],
  [10, 40],
  [40, 200],
] as const;

const SWEEPS: readonly (readonly [name: string, options: TrialOptions])[] = [
  ["1 % noise", { noise: { spread: 0.01 } }],
  ["2 % noise", { noise: { spread: 0.02 } }],
  ["5 % noise", { noise: { spread: 0.05 } }],
  ["10 % noise", { noise: { spread: 0.1 } }],
  ["15 % noise", { noise: { spread: 0.15 } }],
  ["5 %, one repetition of ten loses a third to a half", { noise: { spread: 0.05, bursts: 0.1 } }],
  ["5 %, and whole passes differ by 5 %", { noise: { spread: 0.05, passes: 0.05 } }],
  ["5 %, two stations", { noise: { spread: 0.05 }, twoStations: true }],
  ["5 %, 3 repetitions", { noise: { spread: 0.05 }, repetitions: 3 }],
  ["5 %, 10 repetitions", { noise: { spread: 0.05 }, repetitions: 10 }],
  ["5 %, levels 1.4 times apart", { noise: { spread: 0.05 }, step: 1.4 }],
];

const UNSATURATED: readonly (readonly [name: string, options: TrialOptions])[] = [
  ["5 % noise", { noise: { spread: 0.05 }, until: "knee" }],
  ["10 % noise", { noise: { spread: 0.1 }, until: "knee" }],
  ["5 %, one repetition of ten loses a third to a half", { noise: { spread: 0.05, bursts: 0.1 }, until: "knee" }],
  ["5 %, levels 1.4 times apart", { noise: { spread: 0.05 }, until: "knee", step: 1.4 }],
];

const PAGE = new URL("../docs/reference/knee-coverage.md", import.meta.url);
const RESULTS = new URL("results/coverage.json", import.meta.url);

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, check: { type: "boolean", default: false } },
});
const systems = values.quick ? SYSTEMS / 10 : SYSTEMS;
const saturated = SWEEPS.flatMap((sweep, at) => rowsOf(sweep, SEED + 100 * at, KNEES));
const unsaturated = UNSATURATED.flatMap((sweep, at) => rowsOf(sweep, SEED + 100 * (SWEEPS.length + at), [[2, 400]]));
const page = pageOf(saturated, unsaturated);
if (values.quick) {
  console.log(page);
} else if (values.check) {
  if (readFileSync(PAGE, "utf8") !== page) {
    console.error("docs/reference/knee-coverage.md is not what bench/coverage.ts gives: run npm run bench:coverage");
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, page);
  const settings = { seed: SEED, systems, resamples: RESAMPLES };
  writeFileSync(RESULTS, `${JSON.stringify({ ...settings, saturated, unsaturated }, null, 2)}\n`);
  console.log(page);
}

/** One row for each range of knees, and if there are several one for all of them. */
function rowsOf(
  [sweep, options]: (typeof SWEEPS)[number],
  seed: number,
  ranges: readonly (readonly [number, number])[],
): Row[] {
  const random = randomFrom(seed);
  const parts = ranges.map(([low, high]) => ({
    knees: `${low}–${high}`,
    trials: Array.from({ length: systems }, () =>
      runTrial(random, { ...options, knees: [low, high], resamples: RESAMPLES }),
    ),
  }));
  const whole = { knees: "all", trials: parts.flatMap((part) => part.trials) };
  return (parts.length > 1 ? [...parts, whole] : parts).map(({ knees, trials }) => rowOf(sweep, knees, trials));
}

function rowOf(sweep: string, knees: string, trials: readonly Trial[]): Row {
  const errors = trials.flatMap(({ estimate, truth }) => errorOf(estimate, truth.knee) ?? []).map(Math.abs);
  const widths = trials.flatMap(({ estimate }) => ("value" in estimate ? estimate.high / estimate.low - 1 : []));
  const share = (is: (trial: Trial) => boolean): number => rounded(trials.filter(is).length / trials.length);
  return {
    sweep,
    knees,
    systems: trials.length,
    value: share(({ estimate }) => "value" in estimate),
    notReached: share(({ estimate }) => "notReached" in estimate),
    inconclusive: share(({ estimate }) => "inconclusive" in estimate),
    ...(errors.length > 0 && {
      covered: rounded(trials.filter(({ estimate, truth }) => covers(estimate, truth.knee)).length / errors.length),
      medianError: rounded(median(errors)),
      p95Error: rounded(quantileOfSorted(sorted(errors), 0.95)),
      width: rounded(mean(widths)),
    }),
    roofError: rounded(
      median(trials.map(({ throughputMax, truth }) => Math.abs(throughputMax / truth.throughputMax - 1))),
    ),
  };
}

/** To a tenth of a per cent: more would differ between two versions of an engine's `Math.exp`. */
function rounded(share: number): number {
  return Math.round(share * 1000) / 1000;
}

function pageOf(reached: readonly Row[], stopped: readonly Row[]): string {
  return `# How well the knee is found

<!-- Generated by \`npm run bench:coverage\`; change bench/coverage.ts instead. -->

The coverage of \`estimateKnee\` of \`heddle/tune\`: how often its 95 % interval contains the true knee, and how far its value is from it.
The true knee is known because the systems are computed: stations of 1 to 32 servers and a wait outside of them, with random
parameters, and the exact throughput of product-form networks for every number of clients. Each measured throughput is that exact
one with noise: log-normal, of the standard deviation that the row says. A sweep doubles the clients from 1 (1, 2, 4, …) with 5 repetitions
until throughput is level, where the row says nothing else. ${systems} systems for each range of true knees, seed ${SEED}; the bootstrap
draws ${RESAMPLES} times. How the estimate works, and what was tried: [knee-estimate](../decisions/knee-estimate.md).

What no table can show: a real server whose response time at one client is unlike that at a few (a CPU that sleeps between requests), or
whose roof changes during the test. Of these the cross-checks tell some, as "inconclusive".

## Sweeps that reach the roof

| sweep | true knee | interval covers it | median error | 95 % of errors below | mean width | value | not reached | inconclusive | error of X_max |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${reached.map(reachedRow).join("\n")}

*Width* is the interval's high end over its low end, less 1. The error of *X_max* is the median of \`throughputMax\`.

## Sweeps that stop below the knee

Here the last level is the largest that is at most the true knee, 2 to 400. The only right answer is "not reached".

| sweep | not reached | value | inconclusive |
| --- | ---: | ---: | ---: |
${stopped.map((row) => `| ${row.sweep} | ${percent(row.notReached)} | ${percent(row.value)} | ${percent(row.inconclusive)} |`).join("\n")}
`;
}

function reachedRow(row: Row): string {
  const shares = [
    row.covered,
    row.medianError,
    row.p95Error,
    row.width,
    row.value,
    row.notReached,
    row.inconclusive,
    row.roofError,
  ];
  const cells = [row.sweep, row.knees, ...shares.map(percent)];
  return `| ${(row.knees === "all" ? cells.map((cell) => `**${cell}**`) : cells).join(" | ")} |`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
}
