import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fixture, tempFolder } from "../server/arbiter/support.ts";
import { type Run, runHeddle } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

const hello = fixture("hello.ts");

function assertRun(run: Run, code: number, stdout: RegExp, stderr: RegExp): void {
  assert.match(run.stdout, stdout);
  assert.match(run.stderr, stderr);
  assert.equal(run.code, code);
}

describe("the command line", { concurrency: 3 }, () => {
  test("without a command, with help or --help, shows how to use it", async () => {
    for (const args of [[], ["help"], ["--help"], ["serve", "--help"]]) {
      const run = await runHeddle(args);
      assertRun(run, 0, /Usage:[^]*heddle serve \[app\][^]*Exit codes[^]*--graceful-timeout/, /^$/);
    }
  });

  test("tells its version and Node's", async () => {
    assertRun(await runHeddle(["version"]), 0, /^heddle \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/, /^$/);
  });

  test("suggests the command, flag or setting that was meant, and exits with 2", async (t) => {
    assertRun(
      await runHeddle(["sreve", hello]),
      2,
      /^$/,
      /^heddle: there is no command "sreve"\. Did you mean `heddle serve`\?\n$/,
    );
    assertRun(await runHeddle(["dance"]), 2, /^$/, /The commands are serve, check, tune, status/);
    assertRun(
      await runHeddle(["serve", hello, "--wokers", "2"]),
      2,
      /^$/,
      /--wokers is not a flag of this command.*--workers/,
    );
    assertRun(await runHeddle(["serve", hello, "--workers", "many"]), 2, /^$/, /--workers: got "many"/);
    assertRun(
      await runHeddle(["serve", hello], { env: { HEDDLE_WORKER: "2" } }),
      2,
      /^$/,
      /HEDDLE_WORKER .*HEDDLE_WORKERS/,
    );
    assertRun(await runHeddle(["serve"], { cwd: tempFolder(t) }), 2, /^$/, /got no app, and found none in/);
    assertRun(await runHeddle(["serve", hello, hello]), 2, /^$/, /expected one app, got 2/);
    assertRun(await runHeddle(["scale"]), 2, /^$/, /heddle scale: expected 1 argument, got 0/);
    assertRun(await runHeddle(["serve", hello, "--tls-cert", "x.pem"]), 2, /^$/, /--tls-cert without --tls-key/);
  });
});

describe("an app that cannot be served", { concurrency: 3 }, () => {
  const apps: readonly (readonly [string, string, RegExp])[] = [
    [
      "throws when it is imported",
      'throw new Error("no database");',
      /^heddle: .*app\.ts:1: importing the app failed\. Error: no database/,
    ],
    ["exports nothing that answers", "import 'node:http';\nexport const x = 1;", /^heddle: .*app\.ts/],
    [
      "uses an enum",
      "enum Color { Red }\nexport default {};",
      /^heddle: .*app\.ts:1: TypeScript enum cannot be erased/,
    ],
    ["never gets ready", "await new Promise(() => setInterval(() => {}, 1000));", /^heddle: .*app\.ts/],
    [
      "never ends a top-level await, with nothing that could end it",
      "await new Promise(() => {});",
      /^heddle: .*app\.ts: (?:importing the app did not end within the boot timeout|the app was not ready within)/,
    ],
    ["hangs while it loads", "for (;;);", /^heddle: .*app\.ts: the app was not ready within --boot-timeout/],
    [
      "ends its thread",
      "process.exit(0);",
      /^heddle: .*app\.ts:1: the app called process\.exit\(0\) while it was loading\./,
    ],
  ];
  for (const [what, code, reason] of apps) {
    test(`because it ${what} ends serve and check with 1, its file named`, async (t) => {
      const file = join(tempFolder(t, { "app.ts": code }), "app.ts");
      // Only those that hang, or may still listen, are cut short: on a busy machine the others take longer.
      const patience = /never|hangs|nothing/.test(what) ? ["--boot-timeout", "2s"] : [];
      const served = await runHeddle(["serve", file, "-p", "0", "-w", "2", "-t", "1", "--control", "off", ...patience]);
      assertRun(served, 1, /^$/, reason);
      const checked = await runHeddle(["check", file, ...patience]);
      assertRun(checked, 1, /^$/, reason);
    });
  }

  test("because there is none ends with 1 and names what may have been meant", async (t) => {
    const folder = tempFolder(t, { "server.ts": "" });
    assertRun(
      await runHeddle(["serve", join(folder, "sever.ts"), "--control", "off"]),
      1,
      /^$/,
      /There is no file .*sever\.ts\.\nDid you mean .*server\.ts\?/,
    );
  });
});

test("check prints what would run, and starts nothing", async (t) => {
  const folder = tempFolder(t, {
    "app.ts":
      'export const routes = { "GET /x": { timeout: "1s" } };\nexport default { fetch: () => new Response("x") };\n',
  });
  const own = await runHeddle(["check", "app.ts", "-w", "3"], { cwd: folder });
  assert.match(own.stdout, /^workers +3 × 1 event loop, on its main thread, model loop$/m);
  const run = await runHeddle(["check", "app.ts", "-w", "3", "-t", "2"], { cwd: folder });
  // Without node:ffi that is told of; the line before the last.
  assert.equal(/^warning +Node \S+ has no node:ffi: .+\nok\n$/m.test(run.stdout), !hasFfi);
  assertRun(
    { ...run, stdout: run.stdout.replace(/^warning .* has no node:ffi: .*\n/m, "") },
    0,
    /^app +.*app\.ts \(fetch\)\nlisten +127\.0\.0\.1:8000\nworkers +3 × 2 threads, model loop\n[^]*route +GET \/x +model loop, timeout 1000 ms\nsetting +--workers 3 +\(--workers\)\nsetting +--threads 2 +\(--threads\)\nok\n$/,
    /^$/,
  );
});

test("output nobody reads is no failure", (t) => {
  const bin = new URL("../../bin/heddle.js", import.meta.url).pathname;
  const folder = tempFolder(t);
  const script = '"$0" "$1" --help | head -1; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath, bin], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.match(stdout, /^heddle: .*\n0\n$/);
  assert.equal(stderr, "");
});

test("output that cannot be written is a failure, and is told", (t) => {
  const bin = new URL("../../bin/heddle.js", import.meta.url).pathname;
  const full = openSync("/dev/full", "w");
  t.after(() => closeSync(full));
  const { status, stderr } = spawnSync(process.execPath, [bin, "--help"], {
    stdio: ["ignore", full, "pipe"],
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /^heddle: the output cannot be written: ENOSPC: no space left on device, write\n$/);
  assert.equal(spawnSync(process.execPath, [bin, "--help"], { stdio: ["ignore", full, full] }).status, 1);
});
