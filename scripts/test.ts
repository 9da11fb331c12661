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
/** A test or a group of tests that takes longer hangs. */
const TIMEOUT_MS = 600_000;
/**
 * A file whose process has begun and ended no test for so long hangs: its process is ended, which fails the file. Its own timers
 * cannot end a test that never gives way to them, and Node waits without limit for what a test has left at work. On a busy machine
 * the longest test takes two minutes.
 */
const SILENCE_MS = 300_000;
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
const looks = endSilentProcesses();
await finished(report);
clearInterval(looks);

/** The package for the servers that tests start (test/support/built.ts). */
async function build(): Promise<void> {
  rmSync(built, { recursive: true, force: true });
  await bundle(join(built, "dist"));
  for (const name of ["bin", "package.json"]) cpSync(name, join(built, name), { recursive: true });
}

/** Of a test. `entryFile`: the file that runs it, which may have it from another one. A file itself has none. */
interface Told {
  readonly name: string;
  readonly testId: number;
  readonly file?: string;
  readonly entryFile?: string;
}

function fileOf({ file = "", entryFile = file }: Told): string {
  return entryFile;
}

/** Says which tests had begun. Counts looks, so that a machine that stands still ends nothing. Where there is no /proc, nothing is ended. */
function endSilentProcesses(): NodeJS.Timeout {
  const begun = new Map<string, Map<number, string>>();
  const silentLooks = new Map<string, number>();
  tests.on("test:dequeue", (told: Told) => {
    if (told.entryFile !== undefined)
      begun.getOrInsertComputed(told.entryFile, () => new Map()).set(told.testId, told.name);
    silentLooks.set(fileOf(told), 0);
  });
  tests.on("test:complete", (told: Told) => {
    if (told.entryFile !== undefined) begun.get(told.entryFile)?.delete(told.testId);
    silentLooks.set(fileOf(told), 0);
  });
  return setInterval(() => {
    for (const [pid, file] of childrenOf(process.pid)) {
      const looks = silentLooks.get(file);
      if (looks === undefined) continue;
      silentLooks.set(file, looks + 1);
      if (looks * LOOK_EVERY_MS < SILENCE_MS) continue;
      const names = [...(begun.get(file)?.values() ?? [])];
      const where =
        names.length === 0 ? "It has told of no test that is under way." : `Under way: ${names.join(" > ")}`;
      console.error(`${file} has told nothing for ${SILENCE_MS / 1000} s and is ended. ${where}`);
      process.kill(pid, "SIGKILL");
    }
  }, LOOK_EVERY_MS);
}

/** The child processes, and the file that each runs. */
function childrenOf(parent: number): Map<number, string> {
  const path = `/proc/self/task/${parent}/children`;
  const children = new Map<number, string>();
  if (!existsSync(path)) return children;
  for (const pid of readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number)) {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
      children.set(pid, resolve(args.at(-1) ?? ""));
    } catch {
      // It has ended meanwhile.
    }
  }
  return children;
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
