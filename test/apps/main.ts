/**
 * `npm run test:apps`: real applications under heddle, each compared with itself under bare Node. Exits with 1 if something fails that no
 * exception of a record explains, or if an exception does not happen any more.
 */

import { writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { parseArgs } from "node:util";
import { loadCatalog } from "./catalog.ts";
import { page } from "./page.ts";
import { type HeddleShape, heddleShapes } from "./record.ts";
import { runApp } from "./run-app.ts";
import { earlierOutcome, keepOutcome } from "./outcomes.ts";
import { judge, type Verdict } from "./verdict.ts";

const USAGE = `npm run test:apps -- [options]

  --only A,B       only these applications
  --shape NAME     only this shape: ${heddleShapes.join(", ")}
  --resume         take the outcomes of an earlier run, if neither heddle nor the application nor the checks have changed
  --update         write docs/reference/compatibility.md; needs all applications and shapes
  --output         print what the servers print
  --list           print the names of the applications`;

const PAGE = new URL("../../docs/reference/compatibility.md", import.meta.url);

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    shape: { type: "string" },
    resume: { type: "boolean", default: false },
    update: { type: "boolean", default: false },
    output: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const catalog = await loadCatalog();
const wanted = values.only?.split(",");
const apps = catalog.filter(({ name }) => wanted?.includes(name) ?? true);
const shapes = heddleShapes.filter((shape) => values.shape === undefined || shape === values.shape);
const unknown = wanted?.filter((name) => !apps.some((app) => app.name === name)) ?? [];
const isPartial = apps.length < catalog.length || shapes.length < heddleShapes.length;

if (values.help) console.log(USAGE);
else if (values.list) console.log(catalog.map(({ name }) => name).join("\n"));
else if (unknown.length > 0) refuse(`no such application: ${unknown.join(", ")}`);
else if (shapes.length === 0) refuse(`no such shape: ${values.shape}`);
else if (values.update && isPartial) refuse("--update needs all applications and shapes");
else await run(shapes);

function refuse(why: string): void {
  console.error(`${why}\n\n${USAGE}`);
  process.exitCode = 2;
}

async function run(all: readonly HeddleShape[]): Promise<void> {
  const verdicts: Verdict[] = [];
  for (const app of apps) {
    const startedMs = performance.now();
    const earlier = values.resume && all.length === heddleShapes.length ? await earlierOutcome(app) : undefined;
    const outcome = earlier ?? (await runApp(app, all, (output) => (values.output ? console.log(output) : undefined)));
    if (earlier === undefined && all.length === heddleShapes.length) await keepOutcome(app, outcome);
    const verdict = judge(app, outcome, all);
    verdicts.push(verdict);
    const faults = [...verdict.unexplained, ...verdict.stale.map((line) => `${line}: the exception did not happen`)];
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(
      `${faults.length === 0 ? "ok    " : "FAILED"} ${app.name}, ${earlier === undefined ? `${seconds} s` : "earlier"}`,
    );
    for (const fault of faults) console.log(`  ${fault.replaceAll("\n", "\n    ")}`);
    if (faults.length > 0) process.exitCode = 1;
  }
  if (!values.update) return;
  const date = new Date().toISOString().slice(0, 10);
  await writeFile(PAGE, page(verdicts, { date, node: process.versions.node, platform: `${platform()} ${arch()}` }));
  console.log("wrote docs/reference/compatibility.md");
}
