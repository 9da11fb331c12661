/** `heddle tune` as a child, ended after the test. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../../bin/heddle.js", import.meta.url));

export interface TuneExit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Tuning {
  readonly child: ChildProcess;
  readonly exited: Promise<TuneExit>;
  stderr(): string;
}

export function startTune(
  t: Pick<TestContext, "after">,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Tuning {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("HEDDLE_") && !name.startsWith("NODE_TEST") && name !== "PORT",
  );
  const child = spawn(process.execPath, [bin, "tune", ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  t.after(() => void child.kill("SIGKILL"));
  const exited = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, exited, stderr: () => stderr };
}
