import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { startMixedLoad } from "../../bench/mixed/start.ts";
import {
  get,
  hold,
  isAlive,
  keep,
  type LifeServer,
  lifeApp,
  serve,
  tempFolder,
  until,
  workersOf,
} from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));

describe("a graceful stop", { concurrency: 3 }, () => {
  for (const [workers, how] of [
    [1, "SIGTERM"],
    [2, "SIGINT"],
    [2, "heddle stop"],
  ] as const) {
    test(`by ${how} finishes what ${workers} workers have in flight, then ends with 0`, async (t) => {
      const server = await serve(t, lifeApp, ["-w", `${workers}`, "-t", "2"]);
      const unanswered = await Promise.all(Array.from({ length: 4 }, () => hold(t, server, "/upload")));
      const begun = await hold(t, server);
      const idle = await keep(server.url);
      assert.match(await idle.ask("/"), /ok$/);
      const idleClosed = once(idle.socket, "close");
      const webSocket = new WebSocket(`${server.url.replace("http", "ws")}/ws`);
      await once(webSocket, "open");
      const goodbye = once(webSocket, "close");
      await inFlight(server, 5);

      const stopping = how === "heddle stop" ? runHeddle(["stop", "--control", server.control]) : undefined;
      if (stopping === undefined) server.signal(how as NodeJS.Signals);
      await idleClosed;
      const late = connectOnly(server.port);
      assert.equal(await late.connected, "ECONNREFUSED", "refused while it drains");
      assert.equal((await goodbye)[0], 1001);
      for (const held of unanswered) assert.equal(await held.finish(), "1");
      assert.equal(await begun.finish(), "begun and done");
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      const run = await stopping;
      if (run !== undefined) {
        assert.equal(run.code, 0, run.stderr);
        assert.match(run.stdout, /^stopping 2 workers, for at most 30000 ms\nstopped\n$/);
      }
      assert.equal(await connectOnly(server.port).connected, "ECONNREFUSED");
    });
  }

  test("cuts what is not finished at the graceful timeout, and says so with its exit code", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--graceful-timeout", "8s"]);
    const slow = get(server.url, "/slow?ms=60000").then(({ status }) => status);
    const held = await hold(t, server);
    await inFlight(server, 2);
    const run = await runHeddle(["stop", "--control", server.control]);
    assert.equal(run.code, 1);
    assert.match(run.stdout, /1 of the workers had not finished at the graceful timeout/);
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.match(server.stderr(), /cut 2 requests short: --graceful-timeout \(8000 ms\) was nearly over/);
    assert.equal(await slow, 503);
    assert.equal(await held.finish(), "begun ");
  });

  test("does not wait for the idle connections that a reload before it has spared, nor for silent ones", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--keep-alive", "10m", "--headers-timeout", "10m"]);
    const idle = await keep(server.url);
    assert.match(await idle.ask("/"), /ok$/);
    const silent = await keep(server.url);
    t.after(() => silent.socket.destroy());
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving; draining 1 old worker/);
    assert.equal(idle.socket.readyState, "open");
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });

  test("says with its exit code that a worker died while it had requests to finish", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1"]);
    await hold(t, server);
    const [worker] = workersOf(server.pid);
    server.signal("SIGTERM");
    await server.waitForLog(/stopping 1 worker/);
    await server.waitForStatus(({ workers }) => workers[0]?.state === "draining");
    process.kill(worker!, "SIGKILL");
    assert.deepEqual(await server.exited, { code: 1, signal: null });
  });

  test("says so as well of a worker that is stopped and killed for its silence", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--heartbeat-timeout", "3s"]);
    await hold(t, server);
    const [worker] = workersOf(server.pid);
    server.signal("SIGTERM");
    await server.waitForStatus(({ workers }) => workers[0]?.state === "draining");
    process.kill(worker!, "SIGSTOP");
    await server.waitForLog(new RegExp(`worker ${worker} gave no sign of life for \\d+ ms and was killed`));
    assert.deepEqual(await server.exited, { code: 1, signal: null });
  });

  test("also ends threads that are blocked for good", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--graceful-timeout", "500ms", "--timeout", "0"]);
    const lost = get(server.url, "/forever").catch(() => "lost");
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]!.blocked);
    const pids = workersOf(server.pid);
    assert.deepEqual(await server.stop(), { code: 1, signal: null });
    assert.equal(await lost, "lost");
    await until(() => pids.every((pid) => !isAlive(pid)), "the worker to be gone");
  });

  test("goes on when the command that asked for it is killed", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1"]);
    const held = await hold(t, server);
    const client = spawn(process.execPath, [bin, "stop", "--control", server.control], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(client.stdout, "data");
    client.kill("SIGKILL");
    assert.equal(await held.finish(), "begun and done");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});

describe("an interrupt", { concurrency: 3 }, () => {
  test("that comes a second time stops at once", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "-t", "1"]);
    const slow = get(server.url, "/slow?ms=60000").catch(() => "cut");
    await inFlight(server, 1);
    const pids = workersOf(server.pid);
    server.signal("SIGINT");
    await server.waitForLog(/stopping 2 workers/);
    await until(() => {
      // Sooner than a person could, it counts as the same one.
      server.signal("SIGINT");
      return !isAlive(server.pid);
    }, "the server to end");
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.match(server.stderr(), /interrupted a second time/);
    assert.equal(await slow, "cut");
    await until(() => pids.every((pid) => !isAlive(pid)), "the workers to be gone");
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    test(`${signal} to the whole process group stops gracefully, once`, async (t) => {
      const group = await inOwnGroup(t);
      const held = await hold(t, { port: Number(new URL(group.url).port) });
      process.kill(-group.child.pid!, signal);
      process.kill(-group.child.pid!, signal);
      await until(() => group.output().includes("stopping"), "the stop to begin");
      const exited = once(group.child, "exit");
      assert.equal(await held.finish(), "begun and done");
      assert.deepEqual(await exited, [0, null]);
      assert.doesNotMatch(group.output(), /replaces it|second time|recycled/);
    });
  }

  test("SIGHUP to the whole process group reloads", async (t) => {
    const group = await inOwnGroup(t);
    process.kill(-group.child.pid!, "SIGHUP");
    await until(() => group.output().includes("generation 2: serving"), "the reload");
    assert.equal((await get(group.url)).body, "ok");
    const exited = once(group.child, "exit");
    group.child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
  });
});

describe("scaling", { concurrency: 3 }, () => {
  test("1 → 2 → 1 under load loses nothing", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--debug-headers"]);
    const clients = { keepAlive: 3, newConnections: 3, uploads: 2, slow: 2, streams: 2 };
    const load = startMixedLoad({ url: server.url, ...clients, timeoutMs: 20_000 });
    t.after(async () => void (await load.stop().catch(() => undefined)));
    await load.ready;
    server.signal("SIGTTIN");
    await server.waitForLog(/scaled from 1 to 2 workers/);
    await until(async () => {
      const { workers } = await server.status();
      return workers.length === 2 && workers.every(({ threads }) => threads.some(({ connections }) => connections > 0));
    }, "both workers to have connections");
    server.signal("SIGTTOU");
    await server.waitForLog(/scaled from 2 to 1 worker/);
    await server.waitForStatus(({ workers }) => workers.length === 1);
    const report = await load.stop();
    assert.equal(report.failed + report.retried, 0, JSON.stringify(report.failures.slice(0, 5)));
  });

  test("shares --limit anew, so that all workers together keep to it", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--limit", "2", "--queue", "0"]);
    assert.equal((await runHeddle(["scale", "2", "--control", server.control])).code, 0);
    const admitted: (string | undefined)[] = [];
    const ask = async (): Promise<void> => {
      const client = await RawConnection.open(server.port);
      t.after(() => client.destroy());
      const { status, headers } = await client.request("POST /held HTTP/1.1", ["content-length: 1"]).head();
      if (status === 200) admitted.push(headers["x-worker"]);
    };
    // A worker that stands still gets none of a burst.
    await until(async () => {
      await Promise.all(Array.from({ length: 10 }, ask));
      return admitted.length >= 2;
    }, "both workers to admit one");
    await Promise.all(Array.from({ length: 10 }, ask));
    assert.equal(admitted.length, 2);
    assert.equal(new Set(admitted).size, 2);
  });

  test("takes +1, -1 and a number, and refuses to go below one worker or above all reason", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "1", "-t", "1"]);
    const scale = (to: string): ReturnType<typeof runHeddle> => runHeddle(["scale", to, "--control", server.control]);
    assert.match((await scale("+1")).stdout, /starting 1 more\n2 workers serve/);
    assert.match((await scale("3")).stdout, /3 workers serve/);
    assert.match((await scale("-2")).stdout, /retiring 2\n1 worker serves/);
    for (const to of ["0", "-1"]) {
      const run = await scale(to);
      assert.equal(run.code, 2);
      assert.match(run.stderr, /cannot scale from 1 to 0 workers: there must be at least 1/);
    }
    assert.match((await scale("100000")).stderr, /cannot scale from 1 to 100000 workers: there can be at most 1024/);
    assert.match((await scale("many")).stderr, /got "many"; expected \+1, -1 or a number of workers/);
    const mark = server.mark();
    server.signal("SIGTTOU");
    await server.waitForLog(/cannot scale from 1 to 0 workers/, mark);
    assert.equal((await server.status()).workers.length, 1);
  });
});

test("scaling asked for during the boot comes after it", async (t) => {
  const code =
    "await new Promise((r) => setTimeout(r, 1000));\nexport default (_: unknown, r: any): void => r.end();\n";
  const starting = serve(t, join(tempFolder(t, { "app.ts": code }), "app.ts"), ["-t", "1"]);
  const arbiter = await until(() => workersOf(process.pid).find((pid) => workersOf(pid).length > 0), "the boot");
  process.kill(arbiter, "SIGTTIN");
  const server = await starting;
  await server.waitForLog(/scaled from 1 to 2 workers/);
  assert.equal((await server.status()).workers.length, 2);
});

function inFlight(server: LifeServer, count: number): Promise<unknown> {
  return server.waitForStatus(
    ({ workers }) =>
      workers.flatMap(({ threads }) => threads).reduce((sum, thread) => sum + thread.inFlight, 0) >= count,
  );
}

function connectOnly(port: number): { readonly connected: Promise<string> } {
  const socket = createConnection({ host: "127.0.0.1", port });
  const connected = new Promise<string>((resolve) => {
    socket.once("connect", () => resolve("connected"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "?"));
  });
  socket.on("error", () => {});
  return { connected };
}

/** As a terminal's foreground job is: a group of its own, which gets signals as one. */
async function inOwnGroup(t: {
  after(done: () => void): void;
}): Promise<{ child: ChildProcess; url: string; output(): string }> {
  const args = [bin, "serve", lifeApp, "-p", "0", "-w", "2", "-t", "1", "--control", "off"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  t.after(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [, url] = await until(() => /listening on (\S+)/.exec(output), "the server to listen");
  return { child, url: url!, output: () => output };
}
