/**
 * Runs the tests, `npm test`, or with `--unit` those that start no process, `npm run test:unit`: the files of which neither they
 * nor what they share of test/ and bench/ import node:child_process.
 *
 * More files at once than there are cores: many tests wait for a time limit of the server they test. Files that take a moment
 * come last, so that no core is idle at the end; `node --test` would sort them. The compile cache is for the tests and for the
 * servers that they start; without it, half of a server's boot goes into compiling TypeScript. Most servers run the built package.
 */

import { cpSync, existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { bundle } from "./bundle.ts";

const FILES_AT_ONCE: number = Math.min(12, 2 + availableParallelism());
/** A test that takes longer hangs. */
const TIMEOUT_MS = 600_000;
/** A process of tests that takes longer is ended: Node waits without limit for what a hanging test has left at work. */
const PROCESS_TIMEOUT_MS = 900_000;
const LOOK_EVERY_MS = 10_000;

process.env["NODE_COMPILE_CACHE"] = resolve("node_modules/.cache/compile");
const built = resolve("node_modules/.cache/heddle");

const { values } = parseArgs({ options: { unit: { type: "boolean", default: false } } });
const { quick = [], others = [] } = Object.groupBy(globSync("test/**/*.test.ts").sort(), (file) =>
  startsProcesses(file) ? "others" : "quick",
);
const files = values.unit ? quick : [...others, ...quick];
if (!values.unit) {
  await build();
  process.env["BUILT_HEDDLE"] = built;
}

const tests = run({ files, concurrency: FILES_AT_ONCE, timeout: TIMEOUT_MS });
tests.on("test:fail", ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
const report = tests.compose(spec);
report.pipe(process.stdout);
const looks = endLateProcesses();
await finished(report);
clearInterval(looks);

/** The package for the servers that tests start (test/support/built.ts). */
async function build(): Promise<void> {
  rmSync(built, { recursive: true, force: true });
  await bundle(join(built, "dist"));
  for (const name of ["bin", "package.json"]) cpSync(name, join(built, name), { recursive: true });
}

/** It fails its file. Where there is no /proc, nothing is ended. */
function endLateProcesses(): NodeJS.Timeout {
  const seenMs = new Map<number, number>();
  return setInterval(() => {
    const path = `/proc/self/task/${process.pid}/children`;
    if (!existsSync(path)) return;
    const pids = readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number);
    for (const pid of seenMs.keys()) if (!pids.includes(pid)) seenMs.delete(pid);
    for (const pid of pids) {
      const sinceMs = seenMs.getOrInsert(pid, performance.now());
      if (performance.now() - sinceMs > PROCESS_TIMEOUT_MS) process.kill(pid, "SIGKILL");
    }
  }, LOOK_EVERY_MS);
}

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
