import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { BoundSocket, connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ask } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import {
  blockAll,
  get,
  hold,
  isAlive,
  type LifeServer,
  lifeApp,
  makeCertificate,
  serve,
  tempFolder,
  until,
} from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

const bin = fileURLToPath(new URL("../../bin/heddle.js", import.meta.url));

/** Who accepts, and which models run. */
const WAYS: readonly (readonly string[])[] = [
  ["-w", "1", "-t", "2"],
  ["-w", "2", "-t", "1"],
  ["-w", "2", "-t", "1", "--accept", "shared"],
  ["-w", "2", "-t", "1", "--accept", "reuseport"],
  ["-w", "2", "--model", "sync"],
  ["-w", "1", "-t", "1", "--model", "threads"],
  ["-w", "2", "-t", "1", "--model", "thread-per-request"],
];

describe("while a server stops", { concurrency: 2 }, () => {
  for (const way of WAYS) {
    test(`a connection is refused, over TCP and at a Unix socket (${way.join(" ")})`, async (t) => {
      const { places, where } = placesOf(t);
      const server = await serve(t, lifeApp, [...way, ...places], { listeners: where.length + 1 });
      const held = await hold(t, server, "/upload");
      await inFlight(server, 1);
      server.signal("SIGTERM");
      await until(() => refused({ port: server.port }), "TCP connections to be refused");
      for (const at of where) await until(() => refused(at), "connections at the Unix socket to be refused");
      assert.equal(isAlive(server.pid), true, "it drains");
      assert.equal(await held.finish(), "1");
      assert.deepEqual(await server.exited, { code: 0, signal: null });
    });

    test(`every client is answered or refused, none is cut (${way.join(" ")})`, async (t) => {
      const server = await serve(t, lifeApp, way);
      const outcomes = new Map<string, number>();
      let isRefused = false;
      const client = async (): Promise<void> => {
        while (!isRefused) {
          const outcome = await get(server.url).then(
            ({ status }) => `${status}`,
            ({ code, syscall }: NodeJS.ErrnoException) => `${code} on ${syscall}`,
          );
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          isRefused ||= outcome === "ECONNREFUSED on connect";
        }
      };
      const clients = Array.from({ length: 8 }, client);
      await until(() => (outcomes.get("200") ?? 0) > 50, "requests to be answered");
      server.signal("SIGTERM");
      await Promise.all(clients);
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      const {
        200: _ok,
        503: _turnedAway,
        "ECONNREFUSED on connect": _refused,
        ...others
      } = Object.fromEntries(outcomes);
      // What is in the backlog, or on its way to it, is reset where nobody can take it from there.
      if (!hasFfi) for (const reset of ["ECONNRESET on read", "ECONNRESET on connect"]) delete others[reset];
      assert.deepEqual(others, {});
    });
  }

  test("a TLS connection that has sent nothing is closed, not left until its handshake is overdue", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "one");
    const args = ["-t", "1", "--tls-cert", cert, "--tls-key", key, "--headers-timeout", "10m"];
    const server = await serve(t, lifeApp, args);
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    await once(socket, "connect");
    const closed = once(
      socket.on("error", () => {}),
      "close",
    );
    server.signal("SIGTERM");
    await closed;
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});

describe("who waits for a blocked thread when the server stops", { concurrency: 2 }, () => {
  const patient = ["--blocked-threshold", "50ms", "--timeout", "0"];
  for (const way of [
    ["-w", "1", "-t", "1"],
    ["-w", "2", "-t", "1"],
    ["-w", "2", "-t", "1", "--accept", "shared"],
    ["-w", "2", "-t", "1", "--accept", "reuseport"],
  ]) {
    test(`is turned away at once (${way.join(" ")})`, async (t) => {
      const { places, where } = placesOf(t);
      const server = await serve(t, lifeApp, [...way, ...patient, ...places], { listeners: where.length + 1 });
      const { file, spinning } = await blockAll(t, server);
      const waiting = await sendAll(t, 5, { port: server.port }, "/instance");
      for (const at of where) waiting.push(...(await sendAll(t, 5, at, "/instance")));
      server.signal("SIGTERM");
      for (const answer of waiting) assert.match(await answer, /^HTTP\/1\.1 503 /);
      assert.equal(await refused({ port: server.port }), true);
      for (const at of where) assert.equal(await refused(at), true);
      writeFileSync(file, "");
      // More than those that block may have come to a thread that was blocked by then.
      const bodies = (await Promise.all(spinning)).map(({ body }) => body);
      assert.ok(bodies.filter((body) => body === "spun").length >= Number(way[1]), bodies.join());
      assert.deepEqual(await server.exited, { code: 0, signal: null });
      assert.doesNotMatch(server.stderr(), /accepting a connection failed/);
    });
  }

  test("is served by the worker whose turn it waits for (sync)", async (t) => {
    const server = await serve(t, lifeApp, ["-w", "2", "--model", "sync", ...patient]);
    const { file, spinning } = await blockAll(t, server);
    const waiting = await sendAll(t, 5, { port: server.port }, "/instance");
    server.signal("SIGTERM");
    await until(() => refused({ port: server.port }), "connections to be refused");
    writeFileSync(file, "");
    for (const answer of waiting) assert.match(await answer, /^HTTP\/1\.1 200 /);
    for (const answer of spinning) assert.equal((await answer).body, "spun");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});

const left = hasFfi ? "left to the next server, and answered by it" : "turned away, for the worker has accepted it";

test(`what waits at an inherited socket is ${left}`, async (t) => {
  const bound = new BoundSocket({ host: "127.0.0.1", port: 0 });
  t.after(() => bound.close());
  const { port } = bound.address() as { port: number };
  const first = await startOn(t, bound, ["-t", "1", "--timeout", "0", "--blocked-threshold", "50ms"]);
  const file = join(tempFolder(t), "go-on");
  const spinning = get(`http://127.0.0.1:${port}`, `/block-until?file=${file}`);
  await until(async () => {
    const { workers } = (await ask(first.control, "/status")) as ServerStatus;
    return workers[0]?.threads[0]?.blocked;
  }, "the thread to be blocked");
  const waiting = await sendAll(t, 5, { port }, "/instance");
  first.child.kill("SIGTERM");
  await first.says(/stopping 1 worker/);
  writeFileSync(file, "");
  assert.equal((await spinning).body, "spun");
  await first.ended;
  await startOn(t, bound, ["-t", "1"]);
  for (const answer of waiting) assert.match(await answer, hasFfi ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 503 /);
});

describe("--stop-delay", { concurrency: 2 }, () => {
  for (const [how, way] of [
    ["the worker accepts", ["-w", "1", "-t", "1"]],
    ["the arbiter accepts", ["-w", "2", "-t", "1"]],
    ["sync", ["-w", "2", "--model", "sync"]],
  ] as const) {
    test(`goes on accepting and serving while /readyz fails; a second interrupt ends it (${how})`, async (t) => {
      const server = await serve(t, lifeApp, [...way, "--stop-delay", "10m"]);
      assert.equal(((await ask(server.control, "/readyz")) as { ready: boolean }).ready, true);
      server.signal("SIGINT");
      await server.waitForLog(/serving for 600000 ms more \(--stop-delay\)/);
      assert.deepEqual(await ask(server.control, "/readyz"), { ready: false, generation: 1, stopping: true });
      assert.equal(((await ask(server.control, "/livez")) as { live: boolean }).live, true);
      for (let i = 0; i < 5; i++) assert.equal((await get(server.url)).body, "ok");
      const { stopping, stopsInMs } = await server.status();
      assert.equal(stopping, true);
      assert.ok(stopsInMs! > 0 && stopsInMs! <= 600_000, `${stopsInMs}`);
      const { stdout } = await runHeddle(["status", "--control", server.control]);
      assert.match(stdout, /serving, stops in \d+ s \(--stop-delay\), generation 1/);
      const reload = await runHeddle(["reload", "--control", server.control]);
      assert.match(reload.stderr, /the server is stopping/);
      await until(() => {
        // Sooner than a person could, it counts as the same one.
        server.signal("SIGINT");
        return !isAlive(server.pid);
      }, "the server to end");
      assert.deepEqual(await server.exited, { code: 1, signal: null });
    });
  }

  test("replaces a worker that dies meanwhile, and then begins the stop", async (t) => {
    const server = await serve(t, lifeApp, ["-t", "1", "--stop-delay", "12s"]);
    const stopping = runHeddle(["stop", "--control", server.control]);
    await server.waitForStatus(({ stopsInMs }) => stopsInMs !== undefined);
    const [worker] = (await server.status()).workers;
    process.kill(worker!.pid, "SIGKILL");
    const held = await hold(t, server, "/upload");
    await inFlight(server, 1);
    await until(() => refused({ port: server.port }), "the stop to begin");
    assert.equal(await held.finish(), "1");
    const run = await stopping;
    assert.equal(run.code, 0, run.stderr);
    const [first, second, last] = run.stdout.split("\n");
    assert.match(first!, /^serving for 12000 ms more \(--stop-delay\); \/readyz fails from now on$/);
    assert.match(second!, /^stopping 1 worker, for at most 30000 ms$/);
    assert.equal(last, "stopped");
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test("is not waited for when nothing serves yet", async (t) => {
    const folder = tempFolder(t, { "app.ts": "await new Promise(() => setInterval(() => {}, 1000));" });
    const child = spawn(
      process.execPath,
      [bin, "serve", join(folder, "app.ts"), "-p", "0", "--control", join(folder, "c.sock"), "--stop-delay", "10m"],
      { stdio: "ignore" },
    );
    t.after(() => void child.kill("SIGKILL"));
    const exited = once(child, "exit");
    await until(() => ask(join(folder, "c.sock"), "/livez").catch(() => undefined), "the boot");
    child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
  });
});

function inFlight(server: LifeServer, count: number): Promise<unknown> {
  return server.waitForStatus(
    ({ workers }) =>
      workers.flatMap(({ threads }) => threads).reduce((sum, thread) => sum + thread.inFlight, 0) >= count,
  );
}

/** TCP, and a Unix socket where there are such: not without node:ffi. */
function placesOf(t: TestContext): { places: readonly string[]; where: readonly Where[] } {
  if (!hasFfi) return { places: ["-l", "127.0.0.1:0"], where: [] };
  const path = join(tempFolder(t), "app.sock");
  return { places: ["-l", "127.0.0.1:0", "-l", `unix:${path}`], where: [{ path }] };
}

type Where = { readonly port: number } | { readonly path: string };

function refused(where: Where): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", ...where });
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNREFUSED" || code === "ENOENT"));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** Connections with a request sent, and their whole answers. */
async function sendAll(t: TestContext, count: number, where: Where, path: string): Promise<Promise<string>[]> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket: Socket = connect({ host: "127.0.0.1", ...where });
      t.after(() => void socket.destroy());
      await once(socket, "connect");
      socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n`);
      return socket;
    }),
  );
  return sockets.map(async (socket) => {
    let text = "";
    socket.on("error", (error) => (text += error.message));
    for await (const chunk of socket.setEncoding("latin1") as AsyncIterable<string>) text += chunk;
    return text;
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly control: string;
  readonly ended: Promise<unknown>;
  says(pattern: RegExp): Promise<unknown>;
}

/** A server on a socket that this process holds, as systemd does. */
async function startOn(t: TestContext, bound: BoundSocket, args: readonly string[]): Promise<Started> {
  const control = join(tempFolder(t), "control.sock");
  const command = [bin, "serve", lifeApp, "-l", "fd://3", "--control", control, ...args];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe", bound.fd()] });
  t.after(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const says = (pattern: RegExp): Promise<unknown> => until(() => pattern.test(output), `${pattern} in ${output}`);
  const ended = once(child, "exit");
  await says(/listening on/);
  return { child, control, ended, says };
}
