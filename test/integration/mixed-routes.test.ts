/** One server whose routes run under several models: the routes, their pools, and what status shows of them. */

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { get as request, keep, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

const app = new URL("../fixtures/mixed/app.ts", import.meta.url).pathname;

interface Mixed extends LifeServer {
  /** Lets every blocked handler go on, those to come too. */
  release(): void;
}

async function serveMixed(t: TestContext, args: readonly string[] = [], cwd?: string): Promise<Mixed> {
  // Gone with its folder when the test is over, before the server is stopped: a stop waits for what is held.
  const gate = join(tempFolder(t, { closed: "" }), "closed");
  const options = { env: { GATE: gate }, ...(cwd === undefined ? {} : { cwd }) };
  const server = await serve(t, app, ["--threads", "1", "--debug-headers", "--queue-timeout", "0", ...args], options);
  return { ...server, release: () => rmSync(gate) };
}

interface Seen {
  readonly model: unknown;
  readonly thread: number;
  readonly count: number;
}

async function ask(server: LifeServer, path: string): Promise<Seen> {
  const { status, headers, body } = await request(server.url, path);
  assert.equal(status, 200, body);
  return { model: headers["x-heddle-model"], ...(JSON.parse(body) as { thread: number; count: number }) };
}

const hold = (server: LifeServer, path: string, count: number): Promise<Seen>[] =>
  Array.from({ length: count }, () => ask(server, `${path}?held`));

type Pool = Awaited<ReturnType<LifeServer["status"]>>["workers"][number]["pools"][number];

/** Waits until the pool is as said. */
async function waitForPool(server: LifeServer, name: string, expected: Partial<Pool>): Promise<void> {
  await server.waitForStatus((status) => {
    const pool = status.workers[0]?.pools.find((each) => each.name === name);
    return Object.entries(expected).every(([key, value]) => pool?.[key as keyof Pool] === value);
  });
}

describe("routes under several models", { concurrency: 3 }, () => {
  test("each request runs under the model of its route, on that route's threads", async (t) => {
    const server = await serveMixed(t);
    const reports = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(server, `/report/${i}`)));
    const fresh = [await ask(server, "/fresh"), await ask(server, "/fresh"), await ask(server, "/fresh")];
    const plain = [await ask(server, "/"), await ask(server, "/other"), await ask(server, "/")];
    const grown = await ask(server, "/grow");
    const shared = await ask(server, "/shared");
    const models = (seen: readonly Seen[]): unknown[] => [...new Set(seen.map(({ model }) => model))];
    assert.deepEqual([models(reports), models(fresh)], [["threads"], ["thread-per-request"]]);
    assert.deepEqual([models(plain), models([grown, shared])], [["loop"], ["threads"]]);
    // A thread for one request has its own module state; one thread of the loop counts on.
    assert.deepEqual(
      [fresh.map(({ count }) => count), plain.map(({ count }) => count)],
      [
        [1, 1, 1],
        [1, 2, 3],
      ],
    );
    assert.equal(new Set(fresh.map(({ thread }) => thread)).size, 3);
    // No pool lends another its threads.
    const ofReports = new Set(reports.map(({ thread }) => thread));
    assert.ok(ofReports.size <= 4);
    for (const { thread } of [...fresh, ...plain, grown, shared]) assert.ok(!ofReports.has(thread));
    assert.notEqual(grown.thread, shared.thread);
  });

  test("a route with a method is that method's, and HEAD is GET's", async (t) => {
    const server = await serveMixed(t);
    await using client = await RawConnection.open(server.port);
    const head = await client.request("HEAD /report/1 HTTP/1.1").response("HEAD");
    const post = await client.request("POST /report/1 HTTP/1.1", ["content-length: 0"]).response();
    const deeper = await client.request("GET /report/1/pages HTTP/1.1").response();
    assert.deepEqual(
      [head, post, deeper].map(({ headers }) => headers["x-heddle-model"]),
      ["threads", "loop", "loop"],
    );
  });

  test("a route whose threads all block holds up its own requests, and no other route's", async (t) => {
    const server = await serveMixed(t);
    const held = hold(server, "/report/1", 6);
    await waitForPool(server, "GET /report/:id", { threads: 4, busy: 4, inFlight: 4, queued: 2 });
    for (const path of ["/", "/grow", "/fresh", "/shared"]) await ask(server, path);
    const expected = {
      loop: { inFlight: 0, queued: 0 },
      threads: { inFlight: 6, queued: 2 },
      "thread-per-request": { inFlight: 0, queued: 0 },
    };
    await server.waitForStatus(({ models }) => isDeepStrictEqual(models, expected));
    server.release();
    assert.equal((await Promise.all(held)).length, 6);
    await waitForPool(server, "GET /report/:id", { threads: 4, busy: 0, inFlight: 0, queued: 0 });
  });

  test("a route's own time limit ends its own handler, and its pool goes on", async (t) => {
    const server = await serveMixed(t);
    const held = hold(server, "/report/1", 1);
    assert.equal((await request(server.url, "/brief")).status, 504);
    await server.waitForLog(/handler thread \d+ of threads is ended: GET \/brief .* within its timeout \(200 ms\)/);
    assert.equal((await ask(server, "/shared")).model, "threads");
    server.release();
    assert.equal((await Promise.all(held)).length, 1);
  });

  test("what the config file says about a route replaces what the app says", async (t) => {
    const routes = {
      "GET /report/:id": { model: "threads", threads: 1 },
      "/other": { model: "threads", threads: "1:2" },
    };
    const cwd = tempFolder(t, { "heddle.config.ts": `export default { routes: ${JSON.stringify(routes)} };\n` });
    const server = await serveMixed(t, [], cwd);
    assert.equal((await ask(server, "/other")).model, "threads");
    const [worker] = (await server.status()).workers;
    assert.deepEqual(
      worker!.pools.map(({ name, model, min, max }) => [name, model, min, max]),
      [
        ["GET /report/:id", "threads", 1, 1],
        ["GET /grow", "threads", 1, 3],
        ["GET /fresh", "thread-per-request", 1, 2],
        ["threads", "threads", 1, 4],
        ["/other", "threads", 1, 2],
      ],
    );
  });

  test("heddle status shows each pool, and heddle threads who runs what, with the stack of one that takes long", async (t) => {
    const server = await serveMixed(t);
    const held = hold(server, "/report/7", 5);
    await waitForPool(server, "GET /report/:id", { busy: 4, queued: 1 });
    const status = await runHeddle(["status", "--control", server.control]);
    assert.match(status.stdout, /^WORKER +HANDLER POOL +MODEL +THREADS +MIN +MAX +BUSY +IN FLIGHT +QUEUED$/m);
    assert.match(status.stdout, /^\d+ +GET \/report\/:id +threads +4 +4 +4 +4 +4 +1$/m);
    assert.match(status.stdout, /^\d+ +GET \/fresh +thread-per-request +1 +1 +2 +0 +0 +0$/m);
    const seen = await until(async () => {
      const { stdout } = await runHeddle(["threads", "--control", server.control]);
      return stdout.includes("waitForGate") ? stdout : undefined;
    }, "a stack");
    assert.match(seen, /^worker \d+ handler pool GET \/report\/:id, thread 1: ready, 1 request$/m);
    assert.match(seen, /^ {2}threads {2}GET \/report\/7\?held {2}executing for .* \(route GET \/report\/:id, \S+\)$/m);
    assert.match(seen, /at waitForGate \(\S+mixed\/app\.ts:\d+:\d+\)/);
    assert.match(seen, /^worker \d+ handler pool GET \/grow, thread 1: ready, 0 requests$/m);
    server.release();
    await Promise.all(held);
  });
});

describe("a pool of handler threads", { concurrency: 3 }, () => {
  for (const [path, pool] of [
    ["/grow", { name: "GET /grow", min: 1, max: 3 }],
    ["/fresh", { name: "GET /fresh", min: 1, max: 2 }],
  ] as const) {
    test(`(${path}) grows to its max while requests wait, and shrinks to its min when they are gone`, async (t) => {
      const server = await serveMixed(t, ["--thread-idle", "200ms"]);
      const { name, min, max } = pool;
      await waitForPool(server, name, { threads: min, min, max, busy: 0 });
      const held = hold(server, path, max + 2);
      await waitForPool(server, name, { threads: max, busy: max, queued: 2 });
      server.release();
      assert.equal((await Promise.all(held)).length, max + 2);
      await waitForPool(server, name, { threads: min, busy: 0, queued: 0 });
      assert.equal((await ask(server, path)).model, path === "/grow" ? "threads" : "thread-per-request");
    });
  }

  test("sized for the whole server does the same", async (t) => {
    const server = await serveMixed(t, ["--model", "threads", "--threads", "1:4", "--thread-idle", "200ms"]);
    const held = hold(server, "/", 4);
    await waitForPool(server, "threads", { threads: 4, busy: 4, queued: 0 });
    server.release();
    await Promise.all(held);
    await waitForPool(server, "threads", { threads: 1, busy: 0 });
  });
});

test("a route that only the code of a replaced thread names gets its pool", async (t) => {
  const folder = tempFolder(t, { "app.mjs": changing("first", "loop") });
  const server = await serve(t, "app.mjs", ["-t", "2"], { cwd: folder });
  writeFileSync(join(folder, "app.mjs"), changing("second", "threads"));
  await assert.rejects(request(server.url, "/exit"));
  const client = await until(async () => {
    const each = await keep(server.url);
    t.after(() => each.socket.destroy());
    return (await each.ask("/")).endsWith("second") ? each : undefined;
  }, "the replaced thread");
  assert.match(await client.ask("/route"), /^HTTP\/1\.1 200 /);
});

function changing(text: string, model: string): string {
  return `export const routes = { "/route": { model: "${model}" } };
    export default (req, res) => (req.url === "/exit" ? process.exit() : res.end("${text}"));`;
}
