/**
 * `npm run bench:known`: what `heddle tune` says of servers whose knee, model and number of threads are known, and the curves of other
 * servers' worker classes. About half an hour.
 * `--help` lists the options. A whole run writes results/known.md and results/known.json, any other results/known.partial.*, which git ignores.
 */
import { availableCpus } from "../src/config/cpus.ts";
import { shapeInWords } from "../src/tune/recommend/why.ts";
import { tune, type TuneRequest } from "../src/tune/run/tune.ts";
import { parsePath } from "../src/tune/scenario/scenario.ts";
import type { Shape, TuneResult } from "../src/tune/types.ts";
import { runCleanly } from "./harness/cleanup.ts";
import { ownOptions } from "./harness/own-options.ts";
import { describeMachine } from "./harness/machine.ts";
import { reasonOf } from "./harness/processes.ts";
import { type KneeCase, KNEE_CASES, REPEATED, shapeCases } from "./known/cases.ts";
import { type Curve, pointsOf, WORKER_CLASSES, type WorkerClass } from "./known/curves.ts";
import { judgeKnee, judgeShape, type KneeRun, kneeRunOf } from "./known/judge.ts";
import { kneeText, type KnownResults, writeKnown } from "./known/report.ts";
import { benchApp } from "./peers/peer.ts";

const USAGE = `  --quick              one short answer of each kind, to see that everything works
  --only text[,text]   only cases and worker classes whose name holds one of these
  --part name[,name]   of knees, shapes, curves
  --runs n             of the case that is repeated, default 5
  --budget seconds     for each answer, default 60; the shapes get twice as much`;

const values = ownOptions(USAGE, {
  quick: { type: "boolean", default: false },
  only: { type: "string", default: "" },
  part: { type: "string", default: "knees,shapes,curves" },
  runs: { type: "string", default: "5" },
  budget: { type: "string" },
});
const { quick } = values;
const budgetSeconds = Number(values.budget ?? (quick ? 20 : 60));
const repetitions = quick ? 1 : Number(values.runs);
const parts = values.part.split(",");
const isWhole = !quick && values.only === "" && ["knees", "shapes", "curves"].every((part) => parts.includes(part));

const RESULTS = new URL("./results/", import.meta.url).pathname;
const FOLDER = new URL("../", import.meta.url).pathname;
const ONE_LOOP: Shape = { model: "loop", workers: 1, threads: 1 };
const stop = new AbortController();
const say = (line: string): void => console.log(line);

/** What could not be measured, and why. */
const missing: string[] = [];

function miss(name: string, error: unknown): void {
  missing.push(`${name}: ${reasonOf(error).split("\n", 1)[0]}`);
  say(missing.at(-1)!);
}

await runCleanly(async () => {
  const machine = describeMachine();
  say(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load average ${machine.loadAverageAtStart}`);
  const results: KnownResults = {
    command: ["npm run bench:known", ...(process.argv.length === 2 ? [] : ["--", ...process.argv.slice(2)])].join(" "),
    machine,
    budgetSeconds,
    knees: await measureKnees(),
    shapes: await measureShapes(),
    curves: await measureCurves(),
    missing,
  };
  const files = await writeKnown(RESULTS, isWhole ? "known" : "known.partial", results);
  say(`\n${files.join("\n")}`);
});

function wanted<T extends { readonly name: string }>(part: string, all: readonly T[]): readonly T[] {
  if (!parts.includes(part)) return [];
  const texts = values.only.split(",").filter((text) => text !== "");
  const found = all.filter(({ name }) => texts.length === 0 || texts.some((text) => name.includes(text)));
  return quick ? found.slice(0, 1) : found;
}

async function answer(
  request: Partial<TuneRequest> & Pick<TuneRequest, "subject" | "name">,
  path: string,
): Promise<TuneResult> {
  const scenario = { requests: [parsePath(path)], setup: [] };
  const rest = { budgetMs: budgetSeconds * 1000, isFixed: true, shapes: [], models: [], signal: stop.signal };
  const { result, failure } = await tune({ scenario, ...rest, ...request });
  if (failure !== undefined) throw failure;
  return result;
}

function knownApp(configured: Shape): TuneRequest["subject"] {
  return { app: { args: [benchApp("known").file], cwd: FOLDER }, configured };
}

async function measureKnees(): Promise<KnownResults["knees"]> {
  const measured = [];
  for (const known of wanted("knees", KNEE_CASES)) {
    const runs = [];
    for (let run = 0; run < (known === REPEATED ? repetitions : 1); run++) {
      try {
        runs.push(await measureKnee(known));
      } catch (error) {
        miss(known.name, error);
      }
    }
    measured.push({ ...known, runs });
  }
  return measured;
}

async function measureKnee(known: KneeCase): Promise<KneeRun> {
  const run = kneeRunOf(await answer({ subject: knownApp(known.shape), name: known.name }, known.path));
  const { knee, throughput } = judgeKnee(run, known.truth);
  say(
    `${known.name}: knee ${kneeText(run.knee)} of ${known.truth.knee}: ${knee}; X_max ${run.throughputMax.toFixed(1)} of ${known.truth.throughput}: ${throughput}`,
  );
  return run;
}

async function measureShapes(): Promise<KnownResults["shapes"]> {
  const measured = [];
  for (const known of wanted("shapes", shapeCases(availableCpus()))) {
    const request = { subject: knownApp(ONE_LOOP), name: known.name, isFixed: false, budgetMs: 2000 * budgetSeconds };
    try {
      const { recommendation, perRoute, shapes, notes } = await answer(request, known.path);
      if (recommendation === undefined) throw new Error("no shape was recommended");
      const verdict = judgeShape(recommendation, known);
      say(`${known.name}: ${shapeInWords(recommendation)}: ${verdict}. ${recommendation.why}`);
      const tried = shapes.map(({ shape, throughputMax, knee }) => ({
        shape: shapeInWords(shape),
        throughputMax,
        knee,
      }));
      measured.push({ ...known, recommendation, perRoute, measured: tried, notes });
    } catch (error) {
      miss(known.name, error);
    }
  }
  return measured;
}

async function measureCurves(): Promise<readonly Curve[]> {
  const curves: Curve[] = [];
  for (const known of wanted("curves", WORKER_CLASSES)) {
    try {
      curves.push(await measureCurve(known));
    } catch (error) {
      miss(known.name, error);
    }
  }
  return curves;
}

async function measureCurve({ name, peer, options, path, atOnce }: WorkerClass): Promise<Curve> {
  const found = await peer.install();
  if (!found.available) throw new Error(found.reason);
  const server = await peer.start(benchApp("models"), options);
  try {
    const result = await answer({ subject: { url: server.url }, name }, path);
    const { knee, throughputMax } = result;
    say(`${name}: knee ${kneeText(knee)}, X_max ${Math.round(throughputMax)}/s`);
    const known = atOnce === undefined ? {} : { atOnce };
    return { name, version: found.version, ...known, knee, throughputMax, points: pointsOf(result) };
  } finally {
    await server.stop();
  }
}
