/** `--reload stop-first`, for an app that opens what only one process can have. */

import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { againAndAgain, type GoingOn } from "../support/again-and-again.ts";
import { freePort } from "../support/free-port.ts";
import { get, keep, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";

/** It has a lock from its import to its end, as LevelDB has. */
const APP = `
import { openSync, rmSync } from "node:fs";
const lock = process.env.LOCK;
openSync(lock, "wx");
process.on("exit", () => rmSync(lock));
export default (req, res) => setTimeout(() => res.end("v1 " + process.pid), req.url === "/slow" ? 1500 : 0);
`;

async function serveLocked(
  t: TestContext,
  args: readonly string[],
): Promise<{ server: LifeServer; app: string; lock: string }> {
  const folder = tempFolder(t, { "app.mjs": APP });
  const [app, lock] = [join(folder, "app.mjs"), join(folder, "lock")];
  const server = await serve(t, app, ["-w", "1", "-t", "1", ...args], { env: { LOCK: lock } });
  return { server, app, lock };
}

/** `bodies`: what it has answered. */
function client(url: string): GoingOn & { readonly bodies: ReadonlySet<string> } {
  const bodies = new Set<string>();
  const going = againAndAgain(async () => {
    const { status, body } = await get(url);
    assert.equal(status, 200);
    bodies.add(body);
  });
  return { bodies, ...going };
}

describe("--reload stop-first", { concurrency: 2 }, () => {
  test("is needed by an app that has a lock", async (t) => {
    const { server } = await serveLocked(t, []);
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2 did not get ready[^]*EEXIST/);
    assert.match((await get(server.url)).body, /^v1/);
  });

  for (const model of ["loop", "sync"]) {
    test(`loses nothing at reloads (${model})`, async (t) => {
      const { server } = await serveLocked(t, ["--reload", "stop-first", "-m", model]);
      const clients = [client(server.url), client(server.url)];
      for (let generation = 2; generation <= 4; generation++) {
        server.signal("SIGHUP");
        await server.waitForStatus((status) =>
          status.workers.some((worker) => worker.generation === generation && worker.state === "serving"),
        );
      }
      for (const { stop, bodies } of clients) {
        await stop();
        assert.ok(bodies.size >= 2);
      }
      assert.doesNotMatch(server.output(0), /did not/);
    });
  }

  test("holds for recycling", async (t) => {
    const { server } = await serveLocked(t, ["--reload", "stop-first", "--max-requests", "20:0"]);
    const { stop } = client(server.url);
    await server.waitForLog(/is recycled \(max-requests[^)]*\): its replacement starts when it has ended/);
    const [first] = (await server.status()).workers;
    await until(
      async () => (await server.status()).workers.some(({ pid, state }) => state === "serving" && pid !== first?.pid),
      "another worker",
    );
    assert.ok((await stop()) > 0);
    assert.doesNotMatch(server.output(0), /did not/);
  });

  test("tries again when the new code does not boot, until it does", async (t) => {
    const { server, app, lock } = await serveLocked(t, ["--reload", "stop-first"]);
    writeFileSync(app, "throw new Error('broken');");
    server.signal("SIGHUP");
    await server.waitForLog(/Nothing serves now[^]*generation 2 did not get ready[^]*broken/);
    assert.equal(existsSync(lock), false);
    // It waits in the backlog until something serves.
    const waiting = get(server.url);
    writeFileSync(app, APP.replace("v1", "v2"));
    assert.match((await waiting).body, /^v2/);
    const { lastReload, generation } = await server.status();
    assert.equal(lastReload?.ok, false);
    assert.equal(generation, 2);
    writeFileSync(app, APP.replace("v1", "v3"));
    server.signal("SIGHUP");
    await until(async () => (await get(server.url)).body.startsWith("v3"), "the next reload");
  });

  test("answers when it boots at last, also if the arbiter accepts from then on", async (t) => {
    const config = (workers: number): string =>
      `export default { workers: ${workers}, threads: 2, reload: "stop-first" };`;
    const app = "export default { fetch: () => new Response('v1') };";
    const folder = tempFolder(t, { "app.mjs": app, "heddle.config.mjs": config(1) });
    const server = await serve(t, join(folder, "app.mjs"), [], { cwd: folder });
    writeFileSync(join(folder, "app.mjs"), "throw new Error('broken');");
    writeFileSync(join(folder, "heddle.config.mjs"), config(2));
    server.signal("SIGHUP");
    await server.waitForLog(/generation 2 did not get ready/);
    writeFileSync(join(folder, "app.mjs"), app.replace("v1", "v2"));
    assert.equal((await get(server.url)).body, "v2");
  });

  test("lets new code open the same port of another host", async (t) => {
    const port = await freePort();
    const code = (host: string): string => `
import { createServer } from "node:net";
createServer((socket) => socket.end("${host}")).listen(${port}, "${host}");
export default (req, res) => res.end("${host}");`;
    const app = join(tempFolder(t, { "app.mjs": code("127.0.0.1") }), "app.mjs");
    const server = await serve(t, app, ["-w", "1", "-t", "1", "--reload", "stop-first"]);
    for (const [generation, host] of [
      [2, "0.0.0.0"],
      [3, "127.0.0.1"],
    ] as const) {
      writeFileSync(app, code(host));
      server.signal("SIGHUP");
      const [, how] = await server.waitForLog(new RegExp(`generation ${generation}(: ready| did not get ready)`));
      assert.equal(how, ": ready", server.output(0));
      assert.equal((await get(server.url)).body, host);
      assert.equal(await text(connect(port, "127.0.0.1")), host);
    }
  });

  test("can be stopped while the old generation drains", async (t) => {
    const { server } = await serveLocked(t, ["--reload", "stop-first"]);
    const held = await keep(server.url);
    await held.ask("/");
    const slow = held.ask("/slow");
    await until(async () => (await server.status()).workers[0]?.threads[0]?.inFlight === 1, "the request to run");
    server.signal("SIGHUP");
    await server.waitForLog(/draining 1 worker first/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
    assert.match(await slow, /200/);
  });

  test("can be stopped while nothing serves", async (t) => {
    const { server, app } = await serveLocked(t, ["--reload", "stop-first"]);
    writeFileSync(app, "throw new Error('broken');");
    server.signal("SIGHUP");
    await server.waitForLog(/Nothing serves now/);
    assert.deepEqual(await server.stop(), { code: 0, signal: null });
  });
});
