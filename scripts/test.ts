/**
 * Runs the tests, `npm test`, or with `--unit` those that start no process, `npm run test:unit`: the files of which neither they
 * nor what they share of test/ and bench/ import node:child_process.
 *
 * More files at once than there are cores: many tests wait for a time limit of the server they test. Files that take a moment
 * come last, so that no core is idle at the end; `node --test` would sort them. The compile cache is for the tests and for the
 * servers that they start; without it, half of a server's boot goes into compiling TypeScript.
 */

import { globSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";

const FILES_AT_ONCE: number = Math.min(12, 2 + availableParallelism());
/** A test that takes longer hangs. */
const TIMEOUT_MS = 600_000;

process.env["NODE_COMPILE_CACHE"] = resolve("node_modules/.cache/compile");

const { values } = parseArgs({ options: { unit: { type: "boolean", default: false } } });
const { quick = [], others = [] } = Object.groupBy(globSync("test/**/*.test.ts").sort(), (file) =>
  startsProcesses(file) ? "others" : "quick",
);
const files = values.unit ? quick : [...others, ...quick];

const tests = run({ files, concurrency: FILES_AT_ONCE, timeout: TIMEOUT_MS });
tests.on("test:fail", ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
const report = tests.compose(spec);
report.pipe(process.stdout);
await finished(report);

function startsProcesses(file: string, seen: Set<string> = new Set()): boolean {
  if (seen.has(file) || file.startsWith("src/")) return false;
  seen.add(file);
  const source = readFileSync(file, "utf8");
  const imports = source.matchAll(/^(?:import|export)\s+(?!type\s)[^;"']*?from\s+"([^"]+)"/gm);
  return [...imports].some(([, specifier = ""]) =>
    specifier.startsWith(".")
      ? startsProcesses(join(dirname(file), specifier), seen)
      : specifier === "node:child_process",
  );
}
