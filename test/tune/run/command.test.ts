/** `heddle tune` as it is typed, against real apps. What it measures depends on the machine; what is asserted here does not. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Comparison } from "../../../src/tune/compare.ts";
import { counted } from "../../../src/tune/sweep/levels.ts";
import type { TuneResult } from "../../../src/tune/types.ts";
import { tempFolder, until } from "../../server/arbiter/support.ts";
import { runHeddle } from "../../support/server.ts";
import { type Tuning, startTune } from "./support.ts";

/** Two requests at once, 5 ms each, then 5 ms of waiting: the knee is at 4. */
const APP = `
import { setTimeout as sleep } from "node:timers/promises";
let free = 2;
const waiting = [];
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === "/secret") return new Response("", { status: 401 });
    if (free > 0) free--;
    else await new Promise((resolve) => waiting.push(resolve));
    await sleep(5);
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
    await sleep(5);
    return new Response("ok");
  },
};
`;

const SHORT = ["--budget", "20s", "--model", "loop", "--workers", "1"];

/** The processes whose command line names the folder. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(folder);
    } catch {
      return false;
    }
  });
}

function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]);
}

async function interrupted(
  t: Parameters<typeof tempFolder>[0],
  when: RegExp,
): Promise<{ tuning: Tuning; folder: string }> {
  const folder = tempFolder(t, { "app.mjs": APP });
  const tuning = startTune(t, [join(folder, "app.mjs"), ...SHORT, "--out", join(folder, "out")], folder);
  await until(() => when.test(tuning.stderr()), String(when), 60_000);
  tuning.child.kill("SIGINT");
  return { tuning, folder };
}

describe("heddle tune", { concurrency: 2 }, () => {
  test("prints the answer as JSON, writes result, report and config, and compares with an earlier result", async (t) => {
    const config = 'console.log("a config file may print");\nexport default {\n  model: "loop",\n};\n';
    const folder = tempFolder(t, { "app.mjs": APP, "heddle.config.ts": config });
    const first = await startTune(t, ["app.mjs", ...SHORT, "--json", "--write"], folder).exited;
    assert.equal(first.code, 0, first.stderr);
    const result = JSON.parse(first.stdout) as TuneResult;
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "heddle-tune/result.json"), "utf8")), result);
    assert.match(readFileSync(join(folder, "heddle-tune/report.html"), "utf8"), /^<!doctype html>/i);
    assert.ok("value" in result.knee || "notReached" in result.knee || "inconclusive" in result.knee);
    assert.deepEqual(
      result.shapes.map(({ shape }) => shape),
      [{ model: "loop", workers: 1, threads: 1 }],
    );
    assert.equal(result.recommendation?.model, "loop");
    assert.equal(result.perRoute[0]?.route, "GET /");
    assert.equal(result.levels[0]?.concurrency, 1);
    assert.ok(result.levels.some((level) => counted(level).length > 0));
    assert.ok(result.seconds < 40);
    assert.match(first.stderr, /starting the app as loop 1 × 1/);
    assert.match(first.stderr, /measuring loop 1 × 1.* in flight/);
    assert.match(first.stderr, /heddle\.config\.ts\n[^]*\+ {3}workers: 1,/);
    assert.match(
      readFileSync(join(folder, "heddle.config.ts"), "utf8"),
      /^export default \{\n {2}model: "loop",\n {2}workers: 1,\n {2}threads: 1,/m,
    );

    const [shape] = result.shapes;
    // Below all others: also a knee that was not reached, as on a machine that is busy with other things, is elsewhere.
    const other = { value: 0.2, low: 0.1, high: 0.3 };
    const old = { ...result, shapes: [{ ...shape, knee: other, throughputMax: result.throughputMax * 20 }] };
    writeFileSync(join(folder, "old.json"), JSON.stringify(old));
    const second = await startTune(t, ["app.mjs", ...SHORT, "--json", "--compare", "old.json"], folder).exited;
    const { comparison } = JSON.parse(second.stdout) as { readonly comparison: Comparison };
    // On such a machine there may be no knee to compare.
    assert.equal(second.code, comparison.verdict === "moved" ? 3 : 0, second.stderr);
    assert.ok(comparison.verdict !== "same");
    assert.match(
      second.stderr,
      /(The knee moved|The knees cannot be compared): [^]*report {2}.*report\.html\nresult {2}.*result\.json\n$/,
    );
  });

  test("an app with a route that blocks the others is measured with threads for it, and --write writes them", async (t) => {
    const app = `
      const cell = new Int32Array(new SharedArrayBuffer(4));
      export default {
        async fetch(request) {
          if (new URL(request.url).pathname === "/rows/7") {
            // It computes as well, so that it is given a few threads and not a hundred, which take long to start.
            const until = performance.now() + 8;
            while (performance.now() < until);
            Atomics.wait(cell, 0, 0, 40);
          }
          return new Response("ok");
        },
      };`;
    const folder = tempFolder(t, {
      "app.mjs": app,
      "heddle.config.ts": 'export default {\n  routes: { "/": { timeout: "9s" } },\n};\n',
    });
    const args = ["app.mjs", "--path", "/", "--path", "POST /rows/7={}", "--budget", "60s", "--json", "--write"];
    const { code, stdout, stderr } = await startTune(t, args, folder).exited;
    assert.equal(code, 0, stderr);
    const { shapes, recommendation } = JSON.parse(stdout) as TuneResult;
    const split = shapes.find(({ shape }) => shape.routes !== undefined)?.shape;
    assert.deepEqual(Object.keys(split?.routes ?? {}), ["POST /rows/7"], stderr);
    assert.equal(split!.routes!["POST /rows/7"]!.model, "threads");
    const written = readFileSync(join(folder, "heddle.config.ts"), "utf8");
    // On a machine that is busy another shape may look better.
    const routes = recommendation!.routes?.["POST /rows/7"];
    const added = routes === undefined ? "" : `, "POST /rows/7": { model: "threads", threads: ${routes.threads} }`;
    assert.ok(written.includes(`  routes: { "/": { timeout: "9s" }${added} },\n`), written);
  });

  test("an app that answers only where its handlers may block is measured there", async (t) => {
    const app = `
      import { isMainThread } from "node:worker_threads";
      const cell = new Int32Array(new SharedArrayBuffer(4));
      export default {
        fetch() {
          if (isMainThread) throw new Error("refused on an event loop");
          Atomics.wait(cell, 0, 0, 10);
          return new Response("ok");
        },
      };`;
    const folder = tempFolder(t, { "app.mjs": app, "heddle.config.ts": 'export default { model: "threads" };\n' });
    const tuning = startTune(t, ["app.mjs", "--budget", "5m", "--out", "out"], folder);
    await until(() => /measuring threads .* in flight/.test(tuning.stderr()), "a level", 120_000);
    tuning.child.kill("SIGINT");
    assert.equal((await tuning.exited).code, 130, tuning.stderr());
    const result = JSON.parse(readFileSync(join(folder, "out/result.json"), "utf8")) as TuneResult;
    const { shapes, notes, perRoute, recommendation } = result;
    assert.equal(shapes[0]?.shape.model, "threads");
    assert.equal(recommendation?.model, "threads");
    assert.match(notes.join("\n"), /answer with errors on an event loop/);
    const [{ cpuMs, waitMs, loopMs } = assert.fail("no route")] = perRoute;
    assert.equal(loopMs, cpuMs + waitMs);
  });

  test("interrupted it keeps what was measured, ends what it has started, and exits with 130", async (t) => {
    const { tuning, folder } = await interrupted(t, /4 in flight/);
    const { code, stdout } = await tuning.exited;
    assert.equal(code, 130);
    assert.match(stdout, /The\s+measurement was\s+interrupted\./);
    const { levels } = JSON.parse(readFileSync(join(folder, "out/result.json"), "utf8")) as TuneResult;
    assert.ok(levels.length >= 3);
    await until(() => processesOf(folder).length === 0, "the processes to end");
  });

  test("interrupted in the first of several shapes it keeps what was measured of that", async (t) => {
    const folder = tempFolder(t, { "app.mjs": APP });
    const args = ["app.mjs", "--budget", "5m", "--shape", "loop:1x1", "--shape", "loop:2x1", "--out", "out"];
    const tuning = startTune(t, args, folder);
    await until(() => /measuring loop 1 × 1.* in flight/.test(tuning.stderr()), "a level", 120_000);
    tuning.child.kill("SIGINT");
    const { code, stdout } = await tuning.exited;
    assert.equal(code, 130);
    assert.match(stdout, /The\s+measurement was\s+interrupted\./);
    const { shapes } = JSON.parse(readFileSync(join(folder, "out/result.json"), "utf8")) as TuneResult;
    assert.deepEqual(
      shapes.map(({ shape }) => shape.workers),
      [1],
    );
  });

  for (const signal of ["SIGHUP", "SIGQUIT", "SIGKILL"] as const) {
    test(`ended by ${signal} it leaves no server behind`, async (t) => {
      const folder = tempFolder(t, {
        "app.mjs": `import { writeFileSync } from "node:fs";\nwriteFileSync(\`pid.\${process.pid}\`, "");\n${APP}`,
      });
      const tuning = startTune(t, ["app.mjs", ...SHORT], folder);
      await until(() => /1 in flight/.test(tuning.stderr()), "a window", 60_000);
      const workers = readdirSync(folder).filter((name) => name.startsWith("pid."));
      assert.ok(workers.length > 0);
      const arbiters = workers.map((name) => parentOf(Number(name.slice(4))));
      tuning.child.kill(signal);
      await tuning.exited;
      const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);
      await until(
        () => ![...arbiters, ...workers.map((name) => Number(name.slice(4)))].some(isThere),
        "the server to end",
      );
    });
  }

  test("interrupted before anything is measured it says so, and writes nothing", async (t) => {
    const { tuning, folder } = await interrupted(t, /starting the app/);
    const { code, stdout, stderr } = await tuning.exited;
    assert.equal(code, 130);
    assert.equal(stdout, "");
    assert.match(stderr, /heddle: interrupted before anything was measured\n$/);
    assert.equal(existsSync(join(folder, "out")), false);
    await until(() => processesOf(folder).length === 0, "the processes to end");
  });

  test("a second Ctrl-C ends everything at once, and leaves no process and no folder", async (t) => {
    const folder = tempFolder(t, { "app.mjs": APP });
    const temporary = tempFolder(t);
    const tuning = startTune(t, [join(folder, "app.mjs"), ...SHORT], folder, { TMPDIR: temporary });
    await until(() => /load generator itself/.test(tuning.stderr()), "the server", 60_000);
    const own = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("heddle-tune-"));
    assert.equal(own().length, 1);
    tuning.child.kill("SIGINT");
    // Two that come together are one.
    const again = setInterval(() => tuning.child.kill("SIGINT"), 50);
    const { code, stdout } = await tuning.exited;
    clearInterval(again);
    assert.deepEqual([code, stdout, own()], [130, "", []]);
    await until(() => processesOf(folder).length === 0, "the processes to end");
  });

  test("when the server dies it keeps what was measured, says how it died, and exits with 1", async (t) => {
    // The arbiter is the parent of the process that runs the app.
    const dying = APP.replace(
      "async fetch(request) {",
      `async fetch(request) {
    if (++inFlight > 8) process.kill(process.ppid, "SIGKILL");
    try { return await answer(request); } finally { inFlight--; }
  },
};
let inFlight = 0;
const { fetch: answer } = {
  async fetch(request) {`,
    );
    const folder = tempFolder(t, { "app.mjs": dying });
    const args = ["app.mjs", "--budget", "60s", "--model", "loop", "--workers", "1", "--out", "out"];
    const { code, stdout, stderr } = await startTune(t, args, folder).exited;
    assert.equal(code, 1, stdout);
    assert.match(
      stderr,
      /^heddle: The app does not run as loop 1 × 1: its server was ended by SIGKILL while it was measured/m,
    );
    assert.match(stdout, /Notes[^]*The result is what was measured until this\s+happened/);
    const { levels } = JSON.parse(readFileSync(join(folder, "out/result.json"), "utf8")) as TuneResult;
    assert.deepEqual(
      levels.map(({ concurrency }) => concurrency),
      [1, 2, 4, 8],
    );
    await until(() => processesOf(folder).length === 0, "the processes to end");
  });

  test("a server that runs elsewhere is measured by its address", async (t) => {
    const server = createServer((_request, response) => void setTimeout(() => response.end("ok"), 5));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    t.after(() => server.closeAllConnections());
    const folder = tempFolder(t);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await startTune(t, ["--url", url, "--budget", "20s", "--json"], folder).exited;
    assert.equal(code, 0, stderr);
    const { recommendation, scenario, levels, perRoute } = JSON.parse(stdout) as TuneResult;
    assert.equal(recommendation, undefined);
    assert.deepEqual(perRoute, []);
    assert.equal(scenario.target, url);
    assert.ok(levels.length >= 4);
  });
});

test("heddle tune export k6 prints the requests as a script, and nothing else", async (t) => {
  const scenario = 'console.log("a module");\nexport default { requests: [{ path: "/orders", weight: 3 }] };\n';
  const folder = tempFolder(t, { "scenario.mjs": scenario });
  const args = ["tune", "export", "k6", "--scenario", "scenario.mjs", "--url", "http://127.0.0.1:9000"];
  const { code, stdout, stderr } = await runHeddle(args, { cwd: folder });
  assert.deepEqual([code, stderr], [0, "a module\n"]);
  assert.match(stdout, /from "k6\/http"[^]*http:\/\/127\.0\.0\.1:9000[^]*\/orders/);
  writeFileSync(join(folder, "script.mjs"), stdout);
  const parsed = spawnSync(process.execPath, ["--check", join(folder, "script.mjs")], { encoding: "utf8" });
  assert.equal(parsed.status, 0, parsed.stderr);
  const wrong = await runHeddle(["tune", "export", "k5"], { cwd: folder });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /heddle tune export: got k5; expected k6; did you mean k6\?/);
});

describe("before time is spent heddle tune refuses", { concurrency: 3 }, () => {
  const cases: readonly (readonly [what: string, args: readonly string[], code: number, stderr: RegExp])[] = [
    [
      "requests that the app answers with 401",
      ["app.mjs", "--path", "/secret"],
      1,
      /GET \/secret: status 401 .* needs a login/,
    ],
    [
      "an address where nothing listens",
      ["--url", "http://127.0.0.1:1"],
      1,
      /connection refused .* nothing listens there/,
    ],
    ["an app that throws when it is imported", ["throws.mjs"], 1, /importing the app failed\. Error: no database/],
    ["an app that is not there", ["ap.mjs"], 1, /There is no file .*ap\.mjs/],
    [
      "a scenario that is broken",
      ["app.mjs", "--scenario", "broken.json"],
      2,
      /scenario file .*broken\.json can't be read/,
    ],
    ["a scenario without requests", ["app.mjs", "--scenario", "empty.json"], 2, /requests/],
    [
      "to compare with what is no result",
      ["app.mjs", "--compare", "empty.json"],
      2,
      /empty\.json cannot be compared: it has none of/,
    ],
    [
      "to compare with what is not there",
      ["app.mjs", "--compare", "none.json"],
      2,
      /--compare: none\.json can't be read: ENOENT/,
    ],
    [
      "to write into what is a file",
      ["app.mjs", "--out", "empty.json"],
      1,
      /--out: got ".*empty\.json", but .*empty\.json is no folder; expected a folder that can be written/,
    ],
    ["to write below what is a file", ["app.mjs", "--out", "empty.json/a/b"], 1, /empty\.json is no folder/],
    ["a flag that is misspelt", ["app.mjs", "--bugdet", "60s"], 2, /did you mean --budget\?/],
    ["a setting that is wrong", ["app.mjs", "--timeout", "soon"], 2, /--timeout: got "soon"/],
  ];
  test("an app that listens on a port that is taken", async (t) => {
    const taken = createServer().listen(0, "127.0.0.1");
    t.after(() => void taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const app = `import { createServer } from "node:net";\ncreateServer().listen(${port}, "127.0.0.1");\n${APP}`;
    const run = await runHeddle(["tune", "app.mjs"], { cwd: tempFolder(t, { "app.mjs": app }) });
    assert.match(run.stderr, new RegExp(`does not run as loop 1 × 1[^]*127\\.0\\.0\\.1:${port}`));
    assert.equal(run.code, 1);
  });

  for (const [what, args, code, message] of cases) {
    test(what, async (t) => {
      const folder = tempFolder(t, {
        "app.mjs": APP,
        "throws.mjs": 'throw new Error("no database");',
        "broken.json": "{",
        "empty.json": "{}",
      });
      const run = await runHeddle(["tune", ...args], { cwd: folder });
      assert.match(run.stderr, message);
      assert.equal(run.code, code);
      assert.equal(run.stdout, "");
      assert.equal(existsSync(join(folder, "heddle-tune")), false);
    });
  }
});
