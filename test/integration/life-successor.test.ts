import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { ask } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import { get, hold, isAlive, keep, lifeApp, tempFolder, until, workersOf } from "../server/arbiter/support.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

interface Paths {
  readonly socket: string;
  readonly control: string;
  readonly pid: string;
}

function pathsIn(t: TestContext): Paths {
  const folder = tempFolder(t);
  return { socket: join(folder, "app.sock"), control: join(folder, "control.sock"), pid: join(folder, "pid") };
}

async function start(t: TestContext, { socket, control, pid }: Paths, args: readonly string[]): Promise<TestServer> {
  const places = [...unixAt(socket), "-l", "127.0.0.1:0", "--control", control, "--pid-file", pid];
  const server = await startServer(lifeApp, [...places, "-t", "1", ...args], { listeners: hasFfi ? 2 : 1 });
  t.after(async () => void (await server.stop()));
  return server;
}

/** A request is in flight. */
function underWay({ control }: Paths): Promise<unknown> {
  return until(async () => {
    const { workers } = (await ask(control, "/status")) as ServerStatus;
    return workers.some(({ threads }) => threads.some(({ inFlight }) => inFlight > 0));
  }, "a request in flight");
}

const urlOf = (server: TestServer): string => server.urls.find((url) => url.startsWith("http"))!;
const port = (server: TestServer): number => Number(new URL(urlOf(server)).port);

/** Without node:ffi there is no Unix socket; all else is the same. */
function unixAt(path: string): readonly string[] {
  return hasFfi ? ["-l", `unix:${path}`] : [];
}

/** That is, of the server that listens there; of any, without node:ffi. */
async function assertServes(paths: Paths, server: TestServer): Promise<void> {
  assert.equal((await get(hasFfi ? `unix:${paths.socket}` : urlOf(server))).body, "ok");
}

describe("a server that stops", { concurrency: 2 }, () => {
  for (const args of [
    ["-w", "1"],
    ["-w", "2"],
    ["-w", "2", "--accept", "shared"],
    ["-w", "2", "--accept", "reuseport"],
    ["-w", "2", "--model", "sync"],
    ["-w", "1", "--model", "threads"],
  ]) {
    test(`leaves its paths to the server that starts while it drains (${args.join(" ")})`, async (t) => {
      const paths = pathsIn(t);
      const old = await start(t, paths, args);
      const held = await hold(t, { port: port(old) }, "/upload");
      await underWay(paths);
      old.signal("SIGTERM");
      await old.waitForLog(/stopping \d/);
      await until(() => !existsSync(paths.socket), "the socket's file to be given up");
      const successor = await start(t, paths, args);
      assert.equal(isAlive(old.pid), true, "it drains");
      assert.equal(await held.finish(), "1");
      assert.deepEqual(await old.exited, { code: 0, signal: null });
      await assertServes(paths, successor);
      assert.equal(((await ask(paths.control, "/status")) as { pid: number }).pid, successor.pid);
      assert.equal(readFileSync(paths.pid, "utf8"), `${successor.pid}\n`);
      await successor.stop();
      for (const path of Object.values(paths)) assert.equal(existsSync(path), false, `${path} is removed at the end`);
    });
  }

  for (const [how, args] of [
    ["the worker accepts", ["-w", "1"]],
    ["the arbiter accepts", ["-w", "2"]],
  ] as const) {
    test(`removes nothing that was renamed over its paths (${how})`, async (t) => {
      const paths = pathsIn(t);
      const server = await start(t, paths, args);
      if (hasFfi) await other(t, paths.socket);
      await other(t, paths.control);
      writeFileSync(`${paths.pid}.new`, readFileSync(paths.pid));
      renameSync(`${paths.pid}.new`, paths.pid);
      await server.stop();
      if (hasFfi) assert.equal(await greeting(paths.socket), "another's");
      assert.equal(await greeting(paths.control), "another's");
      assert.equal(existsSync(paths.pid), true, "the same content in another file");
    });
  }

  test("removes its files after a reload as well, and when it is interrupted a second time", async (t) => {
    const paths = pathsIn(t);
    const server = await start(t, paths, ["-w", "1"]);
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2: serving/);
    await assertServes(paths, server);
    await hold(t, { port: port(server) });
    server.signal("SIGINT");
    await server.waitForLog(/stopping/);
    await until(() => {
      // Sooner than a person could, it counts as the same one.
      server.signal("SIGINT");
      return !isAlive(server.pid);
    }, "the server to end");
    for (const path of Object.values(paths)) assert.equal(existsSync(path), false, path);
  });

  test("keeps its pid file from a second server as long as it serves", async (t) => {
    const paths = pathsIn(t);
    const server = await start(t, paths, ["-w", "1"]);
    const own = pathsIn(t);
    await assert.rejects(start(t, { ...own, pid: paths.pid }, ["-w", "1"]), /a heddle server with pid \d+ is running/);
    await server.stop();
  });
});

test("a server that was killed while a thread was blocked is replaced at once", async (t) => {
  const paths = pathsIn(t);
  const old = await start(t, paths, ["-w", "1", "--timeout", "0"]);
  const blocked = get(urlOf(old), "/forever").catch(() => "lost");
  await old.waitForLog(/blocks for good/);
  const workers = workersOf(old.pid);
  old.signal("SIGKILL");
  // Its output ends with its workers, which is what must not be waited for.
  await until(() => !isAlive(old.pid), "the arbiter to be gone");
  const address = new URL(urlOf(old)).host;
  const args = [...unixAt(paths.socket), "-l", address, "--control", paths.control, "--pid-file", paths.pid];
  const successor = await startServer(lifeApp, [...args, "-t", "1"], { listeners: hasFfi ? 2 : 1 });
  t.after(async () => void (await successor.stop()));
  await assertServes(paths, successor);
  assert.equal((await get(urlOf(successor))).body, "ok");
  assert.equal(await blocked, "lost");
  await until(() => !workers.some(isAlive), "the old worker to be gone");
  await assertServes(paths, successor);
});

/** Somebody else's server, renamed over `path`. */
async function other(t: TestContext, path: string): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => {}).end("another's"));
  server.listen(`${path}.new`);
  await once(server, "listening");
  t.after(() => void server.close());
  renameSync(`${path}.new`, path);
}

async function greeting(path: string): Promise<string> {
  const { socket } = await keep(`unix:${path}`);
  let text = "";
  socket.on("data", (chunk: string) => (text += chunk));
  if (!socket.closed) await once(socket, "close");
  return text;
}
