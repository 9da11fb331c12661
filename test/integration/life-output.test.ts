import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ask } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import { get, tempFolder, until } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));

/** Prints on both streams, and fails in ways that the log tells of. */
const APP = `
import { createServer } from "node:http";
export default createServer((req, res) => {
  console.log("handling", req.url);
  console.error("and", req.url);
  if (req.url === "/throw") throw new Error("told to");
  if (req.url === "/throw-later") setTimeout(() => { throw new Error("told to, later"); });
  else res.end("ok");
});
`;

/** Where the output of a server goes, which it cannot write any more once it serves. */
const PLACES: Readonly<Record<string, (start: (stdio: "pipe" | number) => ChildProcess) => (() => void) | undefined>> =
  {
    "to somebody who has gone": (start) => {
      const { stdout, stderr } = start("pipe");
      return () => {
        stdout!.destroy();
        stderr!.destroy();
      };
    },
    // It fails from the beginning, so that also what is printed at the start is lost.
    "to a full disk": (start) => {
      const full = openSync("/dev/full", "w");
      start(full);
      closeSync(full);
      return undefined;
    },
  };

describe("output", { concurrency: 2 }, () => {
  for (const [place, open] of Object.entries(PLACES)) {
    for (const [format, threads] of [
      ["json", "2"],
      ["pretty", "2"],
      ["json", "1"],
    ] as const) {
      const name = `${place} (${format}, --threads ${threads}) is lost, and nothing else`;
      test(name, async (t) => {
        const { control, exited, breakOff } = begin(t, open, format, threads);
        const status = async (): Promise<ServerStatus> => (await ask(control, "/status")) as ServerStatus;
        const isReady = (): Promise<ServerStatus | undefined> =>
          status().then(
            (now) => (now.ready && now.urls.length > 0 ? now : undefined),
            () => undefined,
          );
        const { urls, workers } = await until(isReady, "readiness");
        breakOff?.();
        const answers = (path: string): Promise<number> => get(urls[0]!, path).then((answer) => answer.status);
        for (let i = 0; i < 3; i++) assert.equal(await answers("/"), 200);
        assert.equal(await answers("/throw"), 500);
        assert.equal(await answers("/throw-later"), 500);
        const unit = threads === "1" ? "workers" : "threads";
        await until(async () => (await status()).restarts[unit] === 1, "the tainted thread's replacement");
        assert.equal(await answers("/"), 200);
        if (unit === "threads") assert.equal((await status()).workers[0]!.pid, workers[0]!.pid);
        assert.equal((await runHeddle(["reload", "--control", control])).code, 0);
        assert.equal(await answers("/"), 200);
        const { restarts, generation } = await status();
        assert.deepEqual([restarts.workers, generation], [unit === "workers" ? 1 : 0, 2]);
        assert.equal((await runHeddle(["stop", "--control", control])).code, 0);
        assert.deepEqual(await exited, [0, null]);
      });
    }
  }
});

interface Begun {
  readonly control: string;
  readonly exited: Promise<unknown[]>;
  readonly breakOff: (() => void) | undefined;
}

function begin(t: TestContext, open: (typeof PLACES)[string], format: string, threads: string): Begun {
  const folder = tempFolder(t, { "app.ts": APP });
  const control = join(folder, "control.sock");
  const args = ["-p", "0", "-t", threads, "--control", control, "--access-log", "--log-format", format];
  let exited: Promise<unknown[]> | undefined;
  const breakOff = open((stdio) => {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const child = spawn(process.execPath, [bin, "serve", join(folder, "app.ts"), ...args], {
      stdio: ["ignore", stdio, stdio],
      env,
    });
    exited = once(child, "exit");
    t.after(() => child.kill("SIGKILL"));
    child.stdout?.resume();
    child.stderr?.resume();
    return child;
  });
  return { control, exited: exited!, breakOff };
}
