/**
 * All checks but the tests, at once: `npm run check`. Prints what each that fails has said, and exits 1 then.
 *
 * Each is a script of package.json as well, to be run by itself. npm takes longer to start than most of them to run, so that
 * they are started without it.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

interface Outcome {
  readonly name: string;
  readonly code: number | null;
  readonly output: string;
}

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

async function run(name: string, command: string): Promise<Outcome> {
  const child = spawn("/bin/sh", ["-c", `exec 2>&1; ${command}`], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const output = await text(child.stdout);
  return { name, code: await exited, output };
}

const checks = Object.entries(scripts).filter(([name]) => name.startsWith("check:"));
const startedMs = performance.now();
const outcomes = await Promise.all(checks.map(([name, command]) => run(name, command)));
for (const { name, code, output } of outcomes) {
  if (code === 0) continue;
  console.log(`${name} failed:\n${output}`);
  process.exitCode = 1;
}
const failed = outcomes.filter(({ code }) => code !== 0).length;
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(`${outcomes.length} checks, ${failed} failed, ${seconds} s`);
