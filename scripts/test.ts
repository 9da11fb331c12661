/**
 * Runs the tests, `npm test`, or with `--unit` those that start no process, `npm run test:unit`: the files of which neither they
 * nor what they share of test/ and bench/ import node:child_process.
 *
 * More files at once than there are cores: many tests wait for a time limit of the server they test. The compile cache is for
 * the tests and for the servers that they start; without it, half of a server's boot goes into compiling TypeScript.
 */

import { spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const FILES_AT_ONCE = 3;
/** A test that takes longer hangs. */
const TIMEOUT_MS = 600_000;

const { values } = parseArgs({ options: { unit: { type: "boolean", default: false } } });
const all = globSync("test/**/*.test.ts").sort();
const files = values.unit ? all.filter((file) => !startsProcesses(file)) : all;

const options = ["--test", `--test-concurrency=${FILES_AT_ONCE}`, `--test-timeout=${TIMEOUT_MS}`];
const child = spawn(process.execPath, [...options, ...files], {
  stdio: "inherit",
  env: { ...process.env, NODE_COMPILE_CACHE: resolve("node_modules/.cache/compile") },
});
child.once("exit", (code) => (process.exitCode = code ?? 1));

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
