/** `npm run fuzz`: a long run, with progress and a summary. Exits with 1 if a fault was found. */

import { parseArgs } from "node:util";
import { type Feature, FEATURES } from "./features.ts";
import { type FuzzedModel, models } from "./fuzzed-server.ts";
import type { Shape } from "./reference.ts";
import { type Progress, replay, run } from "./run.ts";

const USAGE = `npm run fuzz -- [options]

  --model NAME        ${Object.keys(models).join(", ")}; default: each in turn
  --shape NAME        listener or fetch; default: half of the connections each
  --connections N     for each model; default: 10000
  --seed N            default: by the clock, and printed
  --sticky HOW        ip, cookie or none, only for the model loop; default: none
  --tls               over TLS
  --without A,B       leave out features: ${FEATURES.join(", ")}
  --no-reloads        without reloads in every second slice
  --replay SEED:PATH  one script that was printed before; needs --model and --shape`;

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    shape: { type: "string" },
    connections: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    sticky: { type: "string", default: "none" },
    without: { type: "string", default: "" },
    tls: { type: "boolean", default: false },
    reloads: { type: "boolean", default: true },
    replay: { type: "string" },
    help: { type: "boolean", default: false },
  },
  allowNegative: true,
});

const left = values.without.split(",").filter((name) => name !== "");
const unknown = left.filter((name) => !FEATURES.some((feature) => feature === name));
const features = new Set<Feature>(FEATURES.filter((feature) => !left.includes(feature)));
const sticky = (["none", "ip", "cookie"] as const).find((how) => how === values.sticky) ?? "none";
const isUnknownSticky = sticky !== values.sticky;
const isUnknownModel = values.model !== undefined && !(values.model in models);
if (values.help || unknown.length > 0 || isUnknownModel || isUnknownSticky) {
  console.log(USAGE);
  if (!values.help) process.exitCode = 2;
} else if (values.replay !== undefined) await again(values.replay);
else await all();

async function again(which: string): Promise<void> {
  const [seed = "", ...path] = which.split(":");
  const model = (values.model ?? "loop") as FuzzedModel;
  const shape = (values.shape ?? "listener") as Shape;
  const told = await replay({ model, shape, seed: Number(seed), features, sticky, tls: values.tls }, path.join(":"));
  console.log(told.length === 0 ? "all is as it is due" : told.join("\n"));
  if (told.length > 0) process.exitCode = 1;
}

async function all(): Promise<void> {
  const chosen = (values.model === undefined ? Object.keys(models) : [values.model]) as FuzzedModel[];
  const shapes = (values.shape === undefined ? ["listener", "fetch"] : [values.shape]) as Shape[];
  const connections = Math.ceil(Number(values.connections) / shapes.length);
  const seed = Number(values.seed);
  console.log(`seed ${seed}`);
  for (const model of chosen) for (const shape of shapes) await one(model, shape, connections, seed);
}

async function one(model: FuzzedModel, shape: Shape, connections: number, seed: number): Promise<void> {
  const startedMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startedMs) / 1000);
  let toldS = 0;
  const onProgress = (progress: Progress): void => {
    if (seconds() < toldS + 10) return;
    toldS = seconds();
    console.log(`  ${model} ${shape}: ${counts(progress)}, ${toldS} s`);
  };
  // At once: a long run may be ended before its report.
  const onFailure = (told: string): void => console.log(`\n${told}\n`);
  const report = await run({
    model,
    shape,
    connections,
    seed,
    features,
    sticky,
    tls: values.tls,
    reloads: values.reloads,
    onProgress,
    onFailure,
  });
  console.log(`${model} ${shape}: ${counts(report)}, ${seconds()} s`);
  console.log(`  responses: ${JSON.stringify(report.byStatus)}`);
  for (const told of report.told) console.log(`\n${told}\n`);
  if (report.told.length > 0) process.exitCode = 1;
}

function counts({ connections, responses, reloads, failures, late }: Progress): string {
  return `${connections} connections (${late} ended late), ${responses} responses, ${reloads} reloads, ${failures} failures`;
}
