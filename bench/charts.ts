/**
 * `npm run charts`: makes the chart and the measured tables of README and guide from bench/results/. With `--check` it writes
 * nothing, and exits with 1 if one of them differs from the results.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { modelsChart } from "./charts/models.ts";
import { readResults } from "./charts/results.ts";
import { MODELS_ROWS, SERVE_ROWS, SOCKETS_ROWS } from "./charts/rows.ts";
import { ACTOR_ROWS, runtimeTable, TASK_ROWS } from "./charts/runtime.ts";
import { readKnown, workerClassesChart } from "./charts/worker-classes.ts";
import { tuningPicture } from "./charts/tuning.ts";
import { ceilingTable, filled, targetTable } from "./charts/tables.ts";

const root = new URL("../", import.meta.url);
const serve = readResults("serve");
const models = readResults("models");
const runtime = readResults("runtime");
const sockets = readResults("sockets");
const known = readKnown();
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const pages: Readonly<Record<string, string>> = {
  "docs/guide/images/models.svg": modelsChart(models),
  ...(known === undefined ? {} : { "docs/guide/images/worker-classes.svg": workerClassesChart(known) }),
  "docs/guide/images/tuning.svg": tuningPicture(),
  "README.md": filled(read("README.md"), {
    serve: targetTable(serve, SERVE_ROWS),
    ceilings: ceilingTable(models),
  }),
  "docs/guide/choosing-a-model.md": filled(read("docs/guide/choosing-a-model.md"), {
    models: targetTable(models, MODELS_ROWS),
    sockets: targetTable(sockets, SOCKETS_ROWS),
  }),
  "docs/guide/11-tasks.md": filled(read("docs/guide/11-tasks.md"), { tasks: runtimeTable(runtime, TASK_ROWS) }),
  "docs/guide/12-actors.md": filled(read("docs/guide/12-actors.md"), { actors: runtimeTable(runtime, ACTOR_ROWS) }),
};

for (const [path, text] of Object.entries(pages)) {
  if (!process.argv.includes("--check")) {
    writeFileSync(new URL(path, root), text);
  } else if (!existsSync(new URL(path, root)) || read(path) !== text) {
    console.error(`${path} is not what bench/results/ says; run \`npm run charts\``);
    process.exitCode = 1;
  }
}
