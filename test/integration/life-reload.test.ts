import assert from "node:assert/strict";
import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RawConnection } from "../support/raw-connection.ts";
import { describe, test, type TestContext } from "node:test";
import { command } from "../../src/server/control/client.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { type LoadHandle, type LoadReport, startMixedLoad } from "../../bench/mixed/start.ts";
import {
  blockAll,
  get,
  hold,
  type LifeServer,
  lifeApp,
  serve,
  tempFolder,
  until,
  workersOf,
} from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const CLIENTS = { keepAlive: 4, newConnections: 3, uploads: 3, slow: 3, streams: 3, webSockets: 2 };

/** A thread is blocked for as long as the test wants. */
const BLOCKS = ["--blocked-threshold", "50ms", "--timeout", "0"];

function loadOn(t: TestContext, { url }: LifeServer): LoadHandle {
  const load = startMixedLoad({ url, ...CLIENTS, rampMs: 100, timeoutMs: 20_000 });
  t.after(async () => void (await load.stop().catch(() => undefined)));
  return load;
}

function assertNothingLost(report: LoadReport): void {
  assert.equal(report.failed, 0, JSON.stringify(report.failures.slice(0, 5)));
  assert.equal(report.retried, 0, "no keep-alive connection closed under a request");
  for (const [kind, { ok }] of Object.entries(report.kinds)) assert.ok(ok > 0, `${kind} were served`);
}

/** What `heddle reload` does, without the time a process takes to start; the first test runs the command itself. */
async function reload(server: LifeServer): Promise<{ readonly code: number; readonly stderr: string }> {
  try {
    await command(server.control, "/reload", { progress: () => {} });
    return { code: 0, stderr: "" };
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    return { code: error.exitCode ?? 1, stderr: `${error.message}\n${error.hint}` };
  }
}

describe("connections that no thread of the old worker has taken", () => {
  test("are served by the new ones, while others keep the old one", async (t) => {
    const flags = ["-w", "2", "-t", "2", "--timeout", "5s", "--blocked-threshold", "1m"];
    const server = await serve(t, lifeApp, [...flags, "--graceful-timeout", "2m", "--body-idle-timeout", "2m"]);
    // One on each thread, and one that blocks the last one.
    const held = [await hold(t, server), await hold(t, server), await hold(t, server)];
    const lost = get(server.url, "/forever").catch(() => "lost");
    await server.waitForLog(/blocks for good/);
    // Some of them are sent to the blocked thread, which is killed when its worker drains already.
    const answers = Promise.all(Array.from({ length: 8 }, () => get(server.url)));
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving; draining/);
    assert.deepEqual(new Set((await answers).map(({ body }) => body)), new Set(["ok"]));
    assert.equal(await lost, "lost");
    assert.deepEqual(new Set(await Promise.all(held.map((each) => each.finish()))), new Set(["begun and done"]));
  });
});

describe("a reload under load", { concurrency: 1 }, () => {
  for (const workers of [1, 2]) {
    test(`fails no request of ${workers} workers: uploads, streams and slow answers under way included`, async (t) => {
      const server = await serve(t, lifeApp, ["-w", `${workers}`, "-t", "2"]);
      const load = loadOn(t, server);
      await load.ready;
      const before = (await get(server.url, "/instance")).body;
      server.signal("SIGHUP");
      await server.waitForLog(/reload \(SIGHUP\): generation 2: serving/);
      assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
      const after = (await get(server.url, "/instance")).body;
      assert.notEqual(after, before, "new connections reach the new code");
      const report = await load.stop();
      assertNothingLost(report);
      assert.ok((report.kinds.webSockets?.goingAway ?? 0) > 0, "WebSockets got 1001");
    });
  }
});

describe("a reload", { concurrency: 3 }, () => {
  test("whose old worker is killed meanwhile ends with the new generation alone", async (t) => {
    const folder = tempFolder(t, { "app.ts": bootsWith("go-on"), "go-on": "" });
    const server = await serve(t, join(folder, "app.ts"), ["-w", "2", "-t", "1"], { cwd: folder });
    const [victim] = workersOf(server.pid);
    unlinkSync(join(folder, "go-on"));
    const reloading = reload(server);
    await server.waitForStatus(({ workers }) => workers.some(({ generation }) => generation === 2));
    process.kill(victim!, "SIGKILL");
    await server.waitForLog(/was killed by SIGKILL/);
    writeFileSync(join(folder, "go-on"), "");
    assert.equal((await reloading).code, 0);
    const status = await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
    assert.deepEqual(
      status.workers.map(({ state }) => state),
      ["serving", "serving"],
    );
    assert.equal((await get(server.url)).body, "booted");
  });

  test("serves the connections that wait for a blocked thread of the old generation", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", ...BLOCKS]);
    const file = join(tempFolder(t), "go-on");
    const spinning = get(server.url, `/block-until?file=${file}`);
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]!.blocked);
    // Connected, and in the kernel's backlog: the blocked thread does not accept.
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(server.port)));
    t.after(() => clients.forEach((client) => client.destroy()));
    const waiting = clients.map((client) => client.request("GET /instance HTTP/1.1").response());
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving/);
    assert.equal(new Set((await Promise.all(waiting)).map(({ body }) => body)).size, 1);
    writeFileSync(file, "");
    assert.equal((await spinning).body, "spun");
  });

  for (const accept of ["handoff", "auto"]) {
    test(`serves the connections that wait for workers whose threads are all blocked (--accept ${accept})`, (t) =>
      allBlocked(t, accept));
  }

  async function allBlocked(t: TestContext, accept: string): Promise<void> {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--accept", accept, ...BLOCKS]);
    const { file, spinning } = await blockAll(t, server);
    const waiting = Array.from({ length: 5 }, () => get(server.url, "/instance"));
    // Workers that accept by themselves leave them in the backlog.
    if (accept === "handoff")
      await server.waitForStatus(({ workers }) => workers[0]!.waiting + workers[1]!.waiting >= 5);
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving/);
    await Promise.all(waiting);
    writeFileSync(file, "");
    // More than those that block may have come to a thread that was blocked by then.
    const bodies = (await Promise.all(spinning)).map(({ body }) => body);
    assert.ok(bodies.filter((body) => body === "spun").length >= 2, bodies.join());
  }

  test("that runs is ended by a stop, and says so", async (t) => {
    const folder = tempFolder(t, { "app.ts": bootsWith("go-on"), "go-on": "" });
    const server = await serve(t, join(folder, "app.ts"), ["-t", "1"], { cwd: folder });
    unlinkSync(join(folder, "go-on"));
    const reloading = reload(server);
    await server.waitForStatus(({ workers }) => workers.length === 2);
    const pids = workersOf(server.pid);
    server.signal("SIGTERM");
    const run = await reloading;
    assert.equal(run.code, 1);
    assert.match(run.stderr, /generation 2 was given up: the server is stopping/);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await until(() => pids.every((pid) => !workersOf(1).includes(pid)), "the workers to be gone");
  });

  test("whose first new worker is killed before it is ready leaves the old generation serving", async (t) => {
    const folder = tempFolder(t, { "app.ts": bootsWith("go-on"), "go-on": "" });
    const server = await serve(t, join(folder, "app.ts"), ["-t", "1"], { cwd: folder });
    const [old] = workersOf(server.pid);
    unlinkSync(join(folder, "go-on"));
    const reloading = reload(server);
    await server.waitForStatus(({ workers }) => workers.length === 2);
    process.kill(workersOf(server.pid).find((pid) => pid !== old)!, "SIGKILL");
    const run = await reloading;
    assert.equal(run.code, 1);
    assert.match(run.stderr, /generation 2 did not get ready: worker \d+ was killed by SIGKILL/);
    assert.deepEqual(workersOf(server.pid), [old]);
    assert.equal((await get(server.url)).body, "booted");
  });
});

test("new code that does not boot leaves the old generation serving, and the reason is told everywhere", async (t) => {
  const bootTimeout = (time: string): string => `export default { threads: 2, bootTimeout: "${time}" };`;
  const folder = tempFolder(t, { "app.ts": answering("first"), "heddle.config.ts": bootTimeout("60s") });
  const [app, config] = [join(folder, "app.ts"), join(folder, "heddle.config.ts")];
  // The config file says it.
  const server = await serve(t, "app.ts", [], { cwd: folder, env: { HEDDLE_BOOT_TIMEOUT: "" } });
  const broken: readonly (readonly [what: string, code: string, reason: RegExp, timeout?: string])[] = [
    ["throws while it loads", 'throw new Error("no database");', /app\.ts:1: importing the app failed.*no database/],
    ["is not valid", "export default function (", /app\.ts/],
    ["exports nothing", "export const x = 1;", /app\.ts/],
    ["never ends to load", "await new Promise(() => setInterval(() => {}, 1000));", /app\.ts/, "1500ms"],
    ["hangs while it loads", "for (;;);", /app\.ts: the app was not ready within --boot-timeout/, "1500ms"],
    [
      "fails in onStart",
      `${answering("x")} export const onStart = () => { throw new Error("no cache"); };`,
      /no cache/,
    ],
    ["ends its thread", "process.exit(3);", /app\.ts:1: the app called process\.exit\(3\) while it was loading/],
  ];
  // A busy machine may need a while where the timeout is not what is waited for.
  for (const [what, code, reason, timeout = "60s"] of broken) {
    await t.test(`it ${what}`, async () => {
      writeFileSync(app, code);
      writeFileSync(config, bootTimeout(timeout));
      const mark = server.mark();
      const run = await reload(server);
      assert.equal(run.code, 1);
      assert.match(run.stderr, /generation 2 did not get ready/);
      assert.match(run.stderr, reason);
      assert.match(run.stderr, /Generation 1 keeps serving\./);
      await server.waitForLog(reason, mark);
      const { lastReload, generation, workers } = await server.status();
      assert.equal(lastReload?.ok, false);
      assert.match(lastReload?.error?.message ?? "", reason);
      assert.equal(generation, 1);
      assert.equal(workers.length, 1);
      assert.equal((await get(server.url)).body, "first");
    });
  }
  assert.match((await runHeddle(["status", "--control", server.control])).stdout, /last reload: .* FAILED: /);
  writeFileSync(app, answering("mended"));
  writeFileSync(config, bootTimeout("60s"));
  assert.equal((await reload(server)).code, 0);
  assert.equal((await get(server.url)).body, "mended");
});

describe("the config file", { concurrency: 2 }, () => {
  test("is read again by a reload; what only a restart can change is told", async (t) => {
    const config = (extra: string): string => `export default { debugHeaders: true, threads: 1, ${extra} };`;
    const folder = tempFolder(t, { "app.ts": answering("x"), "heddle.config.ts": config("workers: 1") });
    const server = await serve(t, "app.ts", [], { cwd: folder });
    assert.equal((await server.status()).workers.length, 1);
    writeFileSync(join(folder, "heddle.config.ts"), config('workers: 2, accept: "shared", serverTiming: true'));
    const run = await reload(server);
    assert.equal(run.code, 0, run.stderr);
    assert.match(server.stderr(), /only a restart can apply it: accept/);
    const status = await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
    assert.equal(status.workers.length, 2);
    assert.ok((await get(server.url)).headers["server-timing"]);

    writeFileSync(join(folder, "heddle.config.ts"), config("workerz: 2"));
    const failed = await reload(server);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /workerz in heddle\.config\.ts is not a setting/);
    assert.equal((await get(server.url)).body, "x");
  });

  test("is what the next reload applies when one fails that has read it", async (t) => {
    const config = (workers: number): string => `export default { threads: 1, workers: ${workers} };`;
    const folder = tempFolder(t, { "app.ts": answering("first"), "heddle.config.ts": config(1) });
    const server = await serve(t, "app.ts", [], { cwd: folder });
    writeFileSync(join(folder, "heddle.config.ts"), config(2));
    writeFileSync(join(folder, "app.ts"), 'throw new Error("no database");\n');
    assert.equal((await reload(server)).code, 1);
    writeFileSync(join(folder, "app.ts"), answering("mended"));
    const run = await reload(server);
    assert.equal(run.code, 0, run.stderr);
    assert.equal(
      (await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2))).workers.length,
      2,
    );
  });

  test("does not undo a scale when it says nothing new", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1"]);
    assert.equal((await runHeddle(["scale", "2", "--control", server.control])).code, 0);
    assert.equal((await reload(server)).code, 0);
    assert.equal((await server.status()).workers.length, 2);
  });
});

function answering(text: string): string {
  return `export default (_req: unknown, res: { end(text: string): void }): void => res.end(${JSON.stringify(text)});\n`;
}

/** An app that boots for as long as this file is not in its working directory. */
function bootsWith(file: string): string {
  return `import { existsSync } from "node:fs";
    while (!existsSync("${file}")) await new Promise((resolve) => setTimeout(resolve, 20));
    ${answering("booted")}`;
}
