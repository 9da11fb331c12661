/**
 * What an instrumentation sees that wraps `emit` of node:http's servers and subscribes to node:http's channels: each request
 * that the app gets exactly once, on the thread that runs its handler, in a context of its own. On every model and shape.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { makeCertificate, tempFolder } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/monitoring/${name}`, import.meta.url));

/** A line of the instrumentation. */
interface Seen {
  readonly what: string;
  readonly id: string | null;
  readonly context?: string;
  readonly thread: number;
  readonly method?: string;
  readonly url?: string;
  readonly host?: string;
  readonly protocol?: string;
  readonly port?: number;
  readonly status?: number;
  readonly isComplete?: boolean;
  readonly isWhole?: boolean;
  readonly message?: string;
}

interface Monitored extends TestServer {
  /** What was seen of this request, once its response is closed. */
  seenOf(id: string): Promise<readonly Seen[]>;
  all(): readonly Seen[];
}

async function monitored(
  t: TestContext,
  shape: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Monitored> {
  const options = `--require=${fixture("instrument.cjs")}`;
  const server = await startServer(fixture("app.ts"), args, { env: { SHAPE: shape, NODE_OPTIONS: options, ...env } });
  t.after(() => server.stop());
  const all = (): Seen[] => [...server.stdout().matchAll(/^seen (.*)$/gm)].map(([, line]) => JSON.parse(line!) as Seen);
  return {
    ...server,
    all,
    seenOf: async (id) => {
      await server.waitForLog(new RegExp(`^seen .*"close","id":"${id}"`, "m"));
      return all().filter((seen) => seen.id === id);
    },
  };
}

/** Of a request that the app got and answered, in this order. */
const WHOLE = ["response.created", "request.start", "request", "response.finish", "finish", "close"];

function assertWhole(seen: readonly Seen[], expected: Partial<Seen>, events: readonly string[] = WHOLE): void {
  assert.deepEqual(
    seen.map(({ what }) => what),
    events,
  );
  const emitted = seen.find(({ what }) => what === "request" || what === "checkContinue")!;
  const { method, url, host, protocol, port, status } = { ...seen.find(({ what }) => what === "finish"), ...emitted };
  assert.deepEqual(
    { method, url, host, protocol, port, status },
    { method, url, host, protocol, port, status, ...expected },
  );
  assert.equal(new Set(seen.map(({ thread }) => thread)).size, 1, "seen on one thread");
  assert.ok(
    seen.every(({ isWhole = true }) => isWhole),
    JSON.stringify(seen),
  );
}

interface Look {
  readonly contexts: readonly unknown[];
  readonly own?: string;
}

let count = 0;

interface Asked {
  readonly id: string;
  readonly status: number;
  readonly text: string;
}

async function ask(
  server: TestServer,
  path: string,
  context: "run" | "enter" | "none",
  init: RequestInit = {},
): Promise<Asked> {
  const id = `r${++count}`;
  const headers = {
    ...(init.headers as Record<string, string>),
    ...(context === "none" ? {} : { "x-context": context }),
  };
  const response = await fetch(`${server.url}${path}?id=${id}`, { ...init, headers });
  return { id, status: response.status, text: await response.text() };
}

async function askTls(port: number, path: string): Promise<Asked> {
  const headers = { "x-context": "run" };
  const asking = https.get({ host: "127.0.0.1", port, path, headers, rejectUnauthorized: false, agent: false });
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  return { id: path, status: response.statusCode!, text: (await response.toArray()).join("") };
}

function assertContext({ text, status }: Asked, expected: unknown): void {
  assert.equal(status, 200, text);
  const look = JSON.parse(text) as Look;
  assert.deepEqual(new Set(look.contexts), new Set([expected]));
  assert.equal(look.own, undefined);
}

const MODELS = ["loop", "threads", "fresh"];

/** Concurrent and consecutive requests under each of these first parts of a path. */
async function exercise(server: Monitored, models: readonly string[]): Promise<void> {
  for (const model of models) {
    const path = `/${model}/look`;
    const many = await Promise.all(
      (["run", "enter", "none", "run", "enter", "none"] as const).map(async (context) => {
        const asked = await ask(
          server,
          path,
          context,
          context === "run" ? { method: "POST", body: "x".repeat(100_000) } : {},
        );
        return { asked, context };
      }),
    );
    for (const context of ["enter", "none", "run", "none"] as const)
      many.push({ asked: await ask(server, path, context), context });
    for (const { asked, context } of many) {
      assertContext(asked, context === "none" ? null : asked.id);
      const seen = await server.seenOf(asked.id);
      assertWhole(seen, { url: `${path}?id=${asked.id}`, status: 200, protocol: "http", port: server.port });
    }
    const failed = await ask(server, `/${model}/reject`, "run");
    assert.equal(failed.status, 500);
    assertWhole(await server.seenOf(failed.id), { status: 500 });
    const head = await ask(server, path, "run", { method: "HEAD" });
    assertWhole(await server.seenOf(head.id), { method: "HEAD", status: 200 });
  }
}

describe("no request inherits a context", { concurrency: 2 }, () => {
  const setups: readonly (readonly string[])[] = [
    ["--threads", "1"],
    ["--threads", "2"],
    ["--model", "sync"],
  ];
  for (const args of setups) {
    test(`from the app's loading, its start or another request, with ${args.join(" ")}`, async (t) => {
      const isSync = args.includes("sync");
      const server = await startServer(fixture("careless.cjs"), ["--workers", "1", ...args], {
        env: isSync ? { WITHOUT_ROUTES: "" } : {},
      });
      t.after(() => server.stop());
      for (const path of isSync ? ["/"] : ["/", "/threads/", "/fresh/"]) {
        const texts = [1, 2, 3].map(async (i) => await (await fetch(`${server.url}${path}${i}`)).text());
        assert.deepEqual(await Promise.all(texts), ["undefined", "undefined", "undefined"], path);
        assert.equal(await (await fetch(`${server.url}${path}4`)).text(), "undefined", path);
      }
      await using connection = await RawConnection.open(server.port);
      connection.request("GET /5 HTTP/1.1").request("GET /6 HTTP/1.1");
      assert.equal((await connection.response()).body, "undefined");
      if (!isSync) assert.equal((await connection.response()).body, "undefined");
    });
  }
});

describe("an instrumentation sees each request once, in a context of its own", { concurrency: 2 }, () => {
  for (const shape of ["listener", "server", "self-listening", "express", "koa", "fastify", "nest", "hono", "fetch"]) {
    test(`${shape}, on two serving threads and on handler threads`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "1", "--threads", "2"]);
      await exercise(server, MODELS);
      assert.ok(
        server.all().every(({ id }) => id !== null),
        "nothing but the requests was seen",
      );
    });
  }

  test("loaded by the first line of the app", async (t) => {
    const env = { FIRST_LINE: "", NODE_OPTIONS: "" };
    await exercise(await monitored(t, "server", ["--workers", "1", "--threads", "1"], env), MODELS);
  });

  for (const shape of ["self-listening", "express", "fetch"]) {
    test(`${shape}, on main threads`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "2", "--threads", "1"], {
        NODE_OPTIONS: `--import=${fixture("instrument.cjs")}`,
      });
      await exercise(server, MODELS);
    });

    test(`${shape}, under sync`, async (t) => {
      const server = await monitored(t, shape, ["--workers", "2", "--model", "sync"], { WITHOUT_ROUTES: "" });
      await exercise(server, ["sync"]);
    });
  }
});

describe("an instrumentation sees of special requests", { concurrency: 2 }, () => {
  const single = ["--workers", "1", "--threads", "1"];
  const what = (seen: readonly Seen[]): string[] => seen.map((each) => each.what);

  test("nothing of what heddle refuses, or asks itself", async (t) => {
    const control = join(tempFolder(t), "control");
    const server = await monitored(t, "listener", [...single, "--control", control]);
    assert.equal((await runHeddle(["status", "--control", control])).code, 0);
    const holding = ask(server, "/full/hold", "run");
    await server.waitForLog(/"request".*\/full\/hold/);
    const shed = await ask(server, "/full/look", "run");
    assert.equal(shed.status, 503);
    await using connection = await RawConnection.open(server.port);
    connection.request("GET /loop/look?id=expects HTTP/1.1", ["expect: the-moon"]);
    assert.equal((await connection.response()).status, 417);
    await using hostless = await RawConnection.open(server.port);
    hostless.write("GET /loop/look?id=hostless HTTP/1.1\r\n\r\n");
    assert.equal((await hostless.response()).status, 400);
    await ask(server, "/loop/release", "none");
    await server.seenOf((await holding).id);
    assert.deepEqual(
      [...new Set(server.all().map(({ url }) => url?.split("?")[0]))],
      [undefined, "/full/hold", "/loop/release"],
    );
  });

  test("requests that waited at a gate or behind others of their connection: their own contexts", async (t) => {
    const server = await monitored(t, "listener", single);
    const holding = ask(server, "/queued/hold", "enter");
    await server.waitForLog(/"request".*\/queued\/hold/);
    const waiting = [
      ask(server, "/queued/look", "run"),
      ask(server, "/queued/look", "none"),
      ask(server, "/queued/look", "enter"),
    ];
    await using connection = await RawConnection.open(server.port);
    connection.request("POST /loop/hold?id=first HTTP/1.1", ["x-context: enter", "content-length: 0"]);
    connection.request("GET /loop/look?id=second HTTP/1.1", []);
    connection.request("POST /loop/look?id=third HTTP/1.1", ["x-context: run", "content-length: 1"], "x");
    await server.waitForLog(/"request".*id=first/);
    const released = await ask(server, "/loop/release", "run");
    const [run, none, enter] = await Promise.all(waiting);
    for (const asked of [await holding, run!, enter!, released]) assertContext(asked, asked.id);
    assertContext(none!, null);
    for (const [id, context] of [
      ["first", "first"],
      ["second", null],
      ["third", "third"],
    ] as const) {
      const { status, body: text } = await connection.response();
      assertContext({ id, status, text }, context);
      assertWhole(await server.seenOf(id), { status: 200 });
    }
  });

  for (const path of ["/loop", "/threads"]) {
    test(`a client that leaves: the response closes and is not complete (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      await using connection = await RawConnection.open(server.port);
      connection.request(`GET ${path}/never?id=left HTTP/1.1`);
      await server.waitForLog(/"request".*id=left/);
      connection.destroy();
      const seen = await server.seenOf("left");
      assert.deepEqual(what(seen), ["response.created", "request.start", "request", "close"]);
      assert.equal(seen.at(-1)!.isComplete, false);
    });
  }

  for (const path of ["/brief", "/brief-threads"]) {
    test(`a request that takes too long: the status that its client gets (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      const asked = await ask(server, `${path}/never`, "run");
      assert.equal(asked.status, 504);
      assertWhole(await server.seenOf(asked.id), { status: 504 });
    });
  }

  for (const path of ["/loop", "/threads"]) {
    test(`what a handler throws at once (${path})`, async (t) => {
      const server = await monitored(t, "listener", single);
      const asked = await ask(server, `${path}/throw`, "run");
      assert.equal(asked.status, 500);
      const seen = await server.seenOf(asked.id);
      assertWhole(seen, { status: 500 }, WHOLE.toSpliced(3, 0, "thrown"));
      assert.equal(seen.find((each) => each.what === "thrown")!.message, "thrown");
    });

    test(`Expect: 100-continue, as the app handles it (${path})`, async (t) => {
      for (const shape of ["listener", "upgrades"]) {
        const server = await monitored(t, shape, single);
        await using connection = await RawConnection.open(server.port);
        const lines = ["x-context: run", "expect: 100-continue", "content-length: 1"];
        connection.request(`POST ${path}/look?id=expects HTTP/1.1`, lines);
        assert.equal((await connection.response()).status, 100);
        connection.write("x");
        const { status, body: text } = await connection.response();
        assertContext({ id: "expects", status, text }, "expects");
        const seen = await server.seenOf("expects");
        if (shape === "listener") assertWhole(seen, { method: "POST", status: 200 });
        else
          assert.deepEqual(
            what(seen).filter((each) => !/finish|close/.test(each)),
            [...WHOLE.slice(0, 2), "checkContinue", "request"],
          );
      }
    });
  }

  test("an upgrade: once, and no request", async (t) => {
    const server = await monitored(t, "upgrades", ["--workers", "1", "--threads", "2"]);
    await using connection = await RawConnection.open(server.port);
    connection.request("GET /loop/look?id=upgraded HTTP/1.1", ["connection: upgrade", "upgrade: own"]);
    assert.equal((await connection.response()).status, 101);
    await connection.ended();
    const seen = server.all().filter(({ id }) => id === "upgraded");
    assert.deepEqual(what(seen), ["upgrade"]);
  });

  test("heddle's TLS: an https server", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const server = await monitored(t, "server", [...single, "--tls-cert", cert, "--tls-key", key]);
    for (const path of ["/loop", "/threads"]) {
      const id = `tls${path}`;
      const { status, text } = await askTls(server.port, `${path}/look?id=${id}`);
      assertContext({ id, status, text }, id);
      assertWhole(await server.seenOf(id), { status: 200, protocol: "https", port: server.port });
    }
  });
});

describe("a listener that only reports uncaught exceptions", { concurrency: 2 }, () => {
  for (const [path, threads, replaced] of [
    ["/loop", "1", /is recycled/],
    ["/loop", "2", /is replaced/],
    ["/threads", "1", /handler thread .* (?:is replaced|uncaught)/],
  ] as const) {
    test(`leaves them to heddle: ${path}, with --threads ${threads}`, async (t) => {
      const server = await monitored(t, "listener", ["--workers", "1", "--threads", threads], {
        NODE_OPTIONS: `--require=${fixture("instrument.cjs")} --require=${fixture("reporter.cjs")}`,
      });
      const asked = await ask(server, `${path}/crash`, "run");
      assert.equal(asked.status, 500);
      assertWhole(await server.seenOf(asked.id), { status: 500 });
      await server.waitForLog(/^reported crashed$/m);
      await server.waitForLog(replaced);
    });
  }
});

describe("hooks of a preloaded module change what the app imports", { concurrency: 2 }, () => {
  const preload = `--import=${fixture("hooks.mjs")}`;
  const ways: readonly (readonly [name: string, env: Readonly<Record<string, string>>])[] = [
    ["registerHooks", { SYNC: "", NODE_OPTIONS: preload }],
    ["register", { NODE_OPTIONS: `${preload} --disable-warning=DEP0205` }],
    [
      "--experimental-loader",
      { NODE_OPTIONS: `--experimental-loader=${fixture("loader.mjs")} --disable-warning=ExperimentalWarning` },
    ],
  ];
  for (const [name, env] of ways) {
    test(`on main, serving and handler threads, with ${name}`, async (t) => {
      for (const [threads, where] of [
        ["1", "main"],
        ["2", "other"],
      ] as const) {
        const server = await startServer(fixture("hooked.mjs"), ["--workers", "1", "--threads", threads], { env });
        t.after(() => server.stop());
        const ask = async (path: string): Promise<string> => await (await fetch(`${server.url}${path}`)).text();
        assert.deepEqual(
          [await ask("/"), await ask("/threads"), await ask("/fresh")],
          [`changed ${where}`, "changed other", "changed other"],
        );
        assert.doesNotMatch(server.stderr(), /Warning/);
      }
    });
  }
});
