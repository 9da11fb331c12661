import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { startMixedLoad } from "../../bench/mixed/start.ts";
import { ask } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import {
  fixture,
  get,
  hold,
  isAlive,
  lifeApp,
  serve,
  tempFolder,
  until,
  workersOf,
} from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

/** If there is a file `late`, the second thread stands still when it is to listen, until there is one `go-on`. */
const SECOND_LISTENS_LATE = `import { subscribe } from "node:diagnostics_channel";
  import { existsSync, writeSync } from "node:fs";
  if (process.env.HEDDLE_THREAD_INDEX === "1" && existsSync("late")) {
    subscribe("tracing:net.server.listen:asyncStart", () => {
      writeSync(2, "listens late\\n");
      while (!existsSync("go-on")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    });
  }
  export default async (req, res) => {
    res.write("begun ");
    for await (const _ of req);
    res.end("and done");
  };`;

describe("kill -9 of a worker under load", { concurrency: 1 }, () => {
  for (const workers of [1, 2]) {
    test(`costs at most the requests of that one of ${workers}, and refuses none`, async (t) => {
      const server = await serve(t, lifeApp, ["-w", `${workers}`, "-t", "2"]);
      const clients = { keepAlive: 4, newConnections: 4, slow: 3, streams: 3 };
      const load = startMixedLoad({ url: server.url, ...clients, timeoutMs: 20_000 });
      t.after(async () => void (await load.stop().catch(() => undefined)));
      await load.ready;
      const [victim] = workersOf(server.pid);
      const window = await load.mark("kill", String(victim));
      process.kill(victim!, "SIGKILL");
      await server.waitForLog(/was killed by SIGKILL; a new worker replaces it/);
      const { restarts } = await server.waitForStatus(
        (status) => status.workers.filter(({ state }) => state === "serving").length === workers,
      );
      assert.equal(restarts.workers, 1);
      assert.equal((await get(server.url)).body, "ok");
      const report = await load.stop();
      const kill = report.windows.at(-1)!;
      assert.equal(kill.refused, 0, JSON.stringify(report.failures));
      assert.ok(kill.lost <= window.heldByWorker, `${kill.lost} lost of ${window.heldByWorker} it may have had`);
      for (const { failure } of report.failures) assert.ok(failure === "reset" || failure === "cut", failure);
    });
  }
});

describe("a worker", { concurrency: 3 }, () => {
  test("that replaces another one serves with its first thread, and a stop lets that finish", async (t) => {
    const folder = tempFolder(t, { "app.mjs": SECOND_LISTENS_LATE });
    const patient = ["--timeout", "0", "--graceful-timeout", "5m"];
    const server = await serve(t, "app.mjs", ["-t", "2", ...patient], { cwd: folder });
    writeFileSync(join(folder, "late"), "");
    process.kill(workersOf(server.pid)[0]!, "SIGKILL");
    await server.waitForLog(/a new worker replaces it/);
    const held = await hold(t, server);
    await server.waitForLog(/listens late/);
    server.signal("SIGTERM");
    await server.waitForStatus(({ workers }) => workers[0]?.state === "draining");
    assert.equal(await held.finish(), "begun and done");
    writeFileSync(join(folder, "go-on"), "");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test("that is killed takes no count with it that was shown", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1"]);
    const lose = async (): Promise<void> => {
      const [victim] = workersOf(server.pid);
      process.kill(victim!, "SIGKILL");
      await server.waitForStatus(({ workers }) =>
        workers.some(({ pid, state }) => pid !== victim && state === "serving"),
      );
    };
    for (let i = 0; i < 3; i++) await get(server.url);
    await server.waitForStatus(({ counters }) => counters.finished === 3);
    await lose();
    const { counters, handler } = await server.status();
    assert.deepEqual([counters.finished, handler.sinceStart.count], [3, 3]);
  });

  test("that is stopped is noticed by its heartbeat, killed and replaced", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1", "--heartbeat-timeout", "1s"]);
    const [victim] = workersOf(server.pid);
    process.kill(victim!, "SIGSTOP");
    await server.waitForLog(new RegExp(`worker ${victim} gave no sign of life for \\d+ ms and was killed`));
    await server.waitForStatus((status) => status.workers.filter(({ state }) => state === "serving").length === 2);
    assert.equal(isAlive(victim!), false);
  });

  test("may miss a few heartbeats, however short the timeout", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--heartbeat-timeout", "50ms"]);
    for (const worker of workersOf(server.pid)) process.kill(worker, "SIGSTOP");
    const [, silentMs = ""] = await server.waitForLog(/gave no sign of life for (\d+) ms/);
    assert.ok(Number(silentMs) >= 1000, silentMs);
  });

  test("that was stopped for less than that goes on, its threads unharmed", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "2", "--timeout", "3s", "--heartbeat-timeout", "0"]);
    const [worker] = workersOf(server.pid);
    process.kill(worker!, "SIGSTOP");
    const waiting = get(server.url);
    // Longer than --timeout: nobody was blocked, everybody was stopped.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    process.kill(worker!, "SIGCONT");
    assert.equal((await waiting).body, "ok");
    const { restarts, workers } = await server.status();
    assert.deepEqual(restarts, { workers: 0, threads: 0 });
    assert.equal(workers[0]!.pid, worker);
  });

  test("that gets a SIGTERM of its own is replaced without losing a request", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1"]);
    const [worker] = workersOf(server.pid);
    const held = await hold(t, server);
    process.kill(worker!, "SIGTERM");
    await server.waitForLog(/recycled \(signal: SIGTERM\)/);
    await server.waitForStatus(({ workers }) =>
      workers.some(({ pid, state }) => pid !== worker && state === "serving"),
    );
    assert.equal(await held.finish(), "begun and done");
    await until(() => !isAlive(worker!), "the old worker to leave");
    assert.equal((await get(server.url)).body, "ok");
    assert.equal((await server.status()).restarts.workers, 0);
  });

  test("that dies again and again backs off, says so, and serves when it is mended", async (t) => {
    const folder = tempFolder(t);
    const server = await serve(t, fixture("dies.ts"), ["-t", "1"], { env: { DIES_WHILE: join(folder, "dying") } });
    const { writeFileSync, unlinkSync } = await import("node:fs");
    writeFileSync(join(folder, "dying"), "");
    await server.waitForLog(/workers keep ending; the next one starts in 100 ms/);
    await server.waitForLog(/the next one starts in 400 ms/);
    unlinkSync(join(folder, "dying"));
    await server.waitForStatus(({ ready }) => ready);
    assert.equal((await get(server.url)).body, "alive");
  });
});

describe("a serving thread", { concurrency: 3 }, () => {
  const deaths: readonly (readonly [string, string, readonly string[], RegExp])[] = [
    [
      "whose handler calls process.exit()",
      "/exit",
      [],
      /the app ended serving thread \d itself \(process\.exit\(7\)\)/,
    ],
    ["that runs out of memory", "/eat", [], /serving thread \d died: .*memory/i],
    [
      "in an endless loop",
      "/forever",
      ["--timeout", "3s"],
      /blocked for \d+ ms, longer than --timeout \(3000 ms\), and is killed with 1 request on it: GET \/forever[^]*at loopForever \(.*app\.ts:\d+/,
    ],
    [
      "in a native call without end",
      "/native",
      ["--timeout", "1s"],
      /longer than --timeout \(1000 ms\), and is killed with an unknown number of requests on it: unknown[^]*inside a native call/,
    ],
  ];
  for (const [what, path, args, told] of deaths) {
    test(`${what} is replaced while the other one serves`, async (t) => {
      const options = path === "/eat" ? { env: { NODE_OPTIONS: "--max-old-space-size=64" } } : {};
      const server = await serve(t, lifeApp, ["-t", "2", "--debug-headers", ...args], options);
      const [worker] = workersOf(server.pid);
      const lost = get(server.url, path).then(
        ({ status }) => `answered ${status}`,
        () => "lost",
      );
      // What the same thread has accepted just before is lost with it.
      if (path === "/exit" || path === "/eat") await lost;
      else await server.waitForLog(/^blocks /m);
      for (let i = 0; i < 5; i++) {
        const { body } = await get(server.url).catch(() => ({ body: "lost" }));
        // The thread gets none while it is blocked, unless others accept for it.
        assert.ok(body === "ok" || (body === "lost" && !hasFfi), body);
      }
      const [text] = await server.waitForLog(told);
      assert.doesNotMatch(text, /undefined/);
      assert.equal(await lost, "lost");
      const { restarts } = await server.waitForStatus(
        ({ workers }) => workers[0]?.threads.filter(({ state }) => state === "ready").length === 2,
      );
      // A native call that does not return soon has its worker replaced, with or without its thread (life-blocked.test.ts).
      if (path === "/native") assert.ok(restarts.threads === 1 || /is recycled/.test(server.output(0)));
      else {
        assert.deepEqual(restarts, { workers: 0, threads: 1 });
        assert.deepEqual(workersOf(server.pid), [worker], "the worker lives");
      }
      assert.equal((await get(server.url)).body, "ok");
    });
  }

  for (const [threads, unit] of [
    ["1", "worker"],
    ["2", "thread"],
  ] as const) {
    test(`with an uncaught exception finishes its requests and its ${unit} is replaced`, (t) =>
      uncaught(t, threads, unit));
  }

  async function uncaught(t: TestContext, threads: string, unit: "worker" | "thread"): Promise<void> {
    const server = await serve(t, lifeApp, ["-t", threads]);
    const held = await hold(t, server);
    const failed = await get(server.url, "/throw-later");
    assert.equal(failed.status, 500);
    assert.doesNotMatch(failed.body, /nobody catches/);
    await server.waitForLog(new RegExp(`uncaught exception on serving thread \\d; the ${unit} is replaced`));
    await server.waitForLog(/thrown where nobody catches/);
    assert.equal(await held.finish(), "begun and done");
    await server.waitForStatus(({ restarts }) => restarts[`${unit}s`] === 1);
    assert.equal((await get(server.url)).body, "ok");
  }
});

const BURST = 150;

describe("kill -9 of the arbiter", { concurrency: 3 }, () => {
  for (const [workers, where] of [[1, "port"], [2, "port"], ...(hasFfi ? ([[2, "unix"]] as const) : [])] as const) {
    test(`ends its ${workers} workers, and a new server takes over ${where}, control socket and pid file at once`, async (t) => {
      const folder = tempFolder(t);
      const [control, pidFile] = [join(folder, "c.sock"), join(folder, "server.pid")];
      const fixed = ["--control", control, "--pid-file", pidFile, "-w", `${workers}`, "-t", "1"];
      const place = where === "unix" ? ["-l", `unix:${join(folder, "app.sock")}`] : ["-p", "0"];
      const first = await startServer(lifeApp, [...fixed, ...place]);
      t.after(async () => void (await first.stop()));
      const pids = workersOf(first.pid);
      const waiting = get(first.url, "/slow?ms=60000").then(({ status }) => status);
      await until(async () => {
        const { workers } = (await ask(control, "/status")) as ServerStatus;
        return workers.some(({ threads }) => threads.some(({ inFlight }) => inFlight > 0));
      }, "the request to be on a thread");
      first.signal("SIGKILL");
      await first.exited;
      assert.equal(existsSync(control), true, "stale, as is the pid file");
      const again = where === "unix" ? place : ["-p", String(first.port)];
      const second = await startServer(lifeApp, [...fixed, ...again]);
      t.after(async () => void (await second.stop()));
      assert.equal((await get(second.url)).body, "ok");
      assert.equal(readFileSync(pidFile, "utf8"), `${second.pid}\n`);
      await until(() => pids.every((pid) => !isAlive(pid)), "the orphaned workers to leave");
      assert.equal(await waiting, 503);
      await second.stop();
      assert.equal(existsSync(control), false);
      assert.equal(existsSync(pidFile), false);
    });
  }

  test("ends workers whose connections are on their way through it", async (t) => {
    const server = await startServer(lifeApp, ["-w", "3", "-t", "1"]);
    t.after(async () => void (await server.stop()));
    const pids = workersOf(server.pid);
    // What is passed on from now on is never acknowledged, and Node does not tell then that the channel has closed.
    server.signal("SIGSTOP");
    let answered = 0;
    for (let i = 0; i < BURST; i++) {
      const client = await RawConnection.open(server.port);
      t.after(() => client.destroy());
      void client
        .request("GET / HTTP/1.1")
        .response()
        .then(
          () => answered++,
          () => {},
        );
    }
    await until(() => answered > BURST / 3, "answers");
    server.signal("SIGKILL");
    await until(() => pids.every((pid) => !isAlive(pid)), "the orphaned workers to leave");
  });

  test("while a worker boots ends that worker as well", async (t) => {
    const app = `import { renameSync, writeFileSync } from "node:fs";
      writeFileSync("told", String(process.ppid));
      renameSync("told", "arbiter");
      await new Promise(() => setInterval(() => {}, 1000));`;
    const folder = tempFolder(t, { "app.ts": app });
    const told = join(folder, "arbiter");
    const starting = startServer(join(folder, "app.ts"), [], { cwd: folder }).catch(() => "ended");
    const arbiter = await until(
      () => (existsSync(told) ? Number(readFileSync(told, "utf8")) : undefined),
      "a worker to boot",
    );
    const workers = workersOf(arbiter);
    assert.notEqual(workers.length, 0);
    process.kill(arbiter, "SIGKILL");
    assert.equal(await starting, "ended");
    await until(() => workers.every((pid) => !isAlive(pid)), "the worker to leave");
  });
});
