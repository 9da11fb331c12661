/** The model sync, from the command line on: the order of connections, and the waiting ones when a worker dies. */

import assert from "node:assert/strict";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  get,
  isAlive,
  type LifeServer,
  lifeApp,
  makeCertificate,
  serve,
  tempFolder,
  until,
  workersOf,
} from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";
import { hasFfi } from "../support/ffi.ts";

const app = fileURLToPath(new URL("../fixtures/sync/app.ts", import.meta.url));

function serveSync(t: TestContext, workers: number, args: readonly string[] = []): Promise<LifeServer> {
  return serve(t, app, ["--model", "sync", "-w", `${workers}`, "--debug-headers", "--queue-timeout", "0", ...args]);
}

/** Sends a request and goes on, so that what is sent next comes after it. */
async function ask(t: TestContext, server: LifeServer, path: string): Promise<RawConnection> {
  const client = await RawConnection.open(server.port);
  t.after(() => client.destroy());
  return client.request(`GET ${path} HTTP/1.1`);
}

/** Keeps a worker busy; it is let go by `destroy`. */
async function hold(t: TestContext, server: LifeServer, name: string): Promise<RawConnection & { worker: string }> {
  const client = await ask(t, server, `/hold?${name}`);
  const { headers } = await client.head();
  return Object.assign(client, { worker: headers["x-heddle-worker"]! });
}

async function waiting(server: LifeServer, count: number): Promise<void> {
  await server.waitForStatus(({ models }) => models["sync"]?.queued === count);
}

async function assertTurnedAway(client: RawConnection): Promise<void> {
  const { status, headers } = await client.response();
  assert.deepEqual([status, headers["retry-after"], headers["connection"]], [503, "1", "close"]);
  await client.ended();
}

describe("sync", { concurrency: 3 }, () => {
  test("runs as many requests as it has workers, never more, and the others in the order they came", async (t) => {
    const server = await serveSync(t, 3);
    const inside = [await hold(t, server, "0"), await hold(t, server, "1"), await hold(t, server, "2")];
    assert.equal(new Set(inside.map(({ worker }) => worker)).size, 3);
    const others: RawConnection[] = [];
    for (let i = 3; i < 9; i++) {
      others.push(await ask(t, server, `/hold?${i}`));
      await waiting(server, others.length);
    }
    for (const [i, next] of others.entries()) {
      const leaver = inside.shift()!;
      leaver.destroy();
      const { headers } = await next.head();
      assert.equal(headers["x-heddle-worker"], leaver.worker, "the worker that came free");
      inside.push(Object.assign(next, { worker: leaver.worker }));
      for (const later of others.slice(i + 1)) assert.equal(later.received, 0);
      // The arbiter has heard of it: what it sends ahead next follows the order in which they began.
      await waiting(server, others.length - i - 1);
    }
    for (const client of inside) client.destroy();
  });

  test("never runs two requests at once in a worker, whatever comes and leaves", async (t) => {
    const server = await serveSync(t, 2, ["--queue", "100"]);
    const answers = Array.from({ length: 12 }, async (_, client) => {
      const bodies: string[] = [];
      for (let i = 0; i < 12; i++) {
        if ((client + i) % 4 === 0) (await ask(t, server, "/alone?ms=2")).destroy();
        bodies.push((await get(server.url, `/alone?ms=${(client * i) % 7}`)).body);
      }
      return bodies;
    });
    assert.deepEqual(new Set((await Promise.all(answers)).flat()), new Set(["1 inside"]));
    await waiting(server, 0);
  });

  test("an async handler whose client has left is alone until it has ended", async (t) => {
    const server = await serveSync(t, 1);
    const left = await ask(t, server, "/alone?ms=400");
    await server.waitForLog(/handles \/alone\?ms=400/);
    left.destroy();
    assert.equal((await get(server.url, "/alone?ms=1")).body, "1 inside");
    await waiting(server, 0);
  });

  test("an async handler that does not end when its time is over keeps the worker for a while, and not for ever", async (t) => {
    const server = await serveSync(t, 1, ["--timeout", "3s"]);
    const late = await ask(t, server, "/alone?ms=60000");
    assert.equal((await late.response()).status, 504);
    assert.equal((await get(server.url, "/alone?ms=1")).body, "2 inside");
  });

  test("begins with the next request without asking the arbiter, on a connection it has marked", async (t) => {
    const marked = hasFfi ? "marked: true" : "not marked: no node:ffi";
    const server = await serveSync(t, 1);
    const first = await hold(t, server, "first");
    const next = await ask(t, server, "/mark");
    await waiting(server, 1);
    process.kill(server.pid, "SIGSTOP");
    try {
      first.destroy();
      assert.equal((await next.response()).body, marked);
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    assert.equal((await get(server.url, "/mark")).body, marked);
  });

  for (const over of ["TCP", "TLS"] as const) {
    test(`over ${over}, an answer arrives whole although the worker goes on with the next request at once`, async (t) => {
      const { cert, key } = makeCertificate(tempFolder(t), "localhost");
      const args = over === "TLS" ? ["--tls-cert", cert, "--tls-key", key] : [];
      const server = await serveSync(t, 2, args);
      const bodyOf = (path: string): Promise<string> =>
        new Promise((resolve, reject) => {
          const url = `${server.url}${path}`;
          const take = (response: IncomingMessage): void => void text(response).then(resolve, reject);
          const asked = over === "TLS" ? httpsGet(url, { rejectUnauthorized: false }, take) : httpGet(url, take);
          asked.on("error", reject);
        });
      const paths = Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? "/large" : "/alone?ms=1"));
      const bodies = await Promise.all(paths.map(bodyOf));
      const isWhole = (body: string, i: number): boolean =>
        i % 2 === 0 ? body.length === 4_194_304 : body === "1 inside";
      assert.ok(bodies.every(isWhole));
      await waiting(server, 0);
    });
  }

  test("answers one request on a connection, also with one worker and on a Unix socket", async (t) => {
    const server = await serveSync(t, 1);
    const client = await ask(t, server, "/");
    const { status, headers, body } = await client.response();
    assert.deepEqual([status, headers["connection"], body, headers["x-heddle-model"]], [200, "close", "ok", "sync"]);
    await client.ended();
    if (!hasFfi) return;
    const path = join(tempFolder(t), "app.sock");
    const unix = await serve(t, app, ["--model", "sync", "-l", `unix:${path}`]);
    assert.equal((await get(unix.url)).headers.connection, "close");
  });

  test("turns away what finds the queue full, unread: 503, retry-after, close", async (t) => {
    const server = await serveSync(t, 1, ["--queue", "1"]);
    const first = await hold(t, server, "first");
    const second = await ask(t, server, "/second");
    await waiting(server, 1);
    const third = await RawConnection.open(server.port);
    t.after(() => third.destroy());
    await assertTurnedAway(third.write("this is not HTTP\r\n\r\n"));
    assert.equal((await server.status()).counters.shed, 1);
    first.destroy();
    assert.equal((await second.response()).body, "ok");
  });

  test("turns away what waits too long, unread", async (t) => {
    const server = await serveSync(t, 1, ["--queue-timeout", "3s"]);
    const first = await hold(t, server, "first");
    await assertTurnedAway(await ask(t, server, "/second"));
    assert.equal((await server.status()).counters.shed, 1);
    first.destroy();
    assert.equal((await get(server.url, "/after")).body, "ok");
    assert.doesNotMatch(server.stdout(), /second/);
  });

  test("does not run a request whose client has left the line", async (t) => {
    const server = await serveSync(t, 1);
    const first = await hold(t, server, "first");
    const left = await ask(t, server, "/left");
    const stays = await ask(t, server, "/stays");
    await waiting(server, 2);
    // Sooner it would look like one that ends its side with its request.
    await sleep(500);
    left.destroy();
    // The kernel can't be asked who has left: it is found out when its turn has come.
    if (hasFfi) await waiting(server, 1);
    first.destroy();
    assert.equal((await stays.response()).body, "ok");
    if (hasFfi) assert.doesNotMatch(server.stdout(), /left/);
  });

  test("takes the worker from a client that sends nothing, or only the start of a request", async (t) => {
    const server = await serveSync(t, 1, ["--headers-timeout", "2s"]);
    for (const sent of ["", "\r\n", "GET / HTTP/1.1\r\nhost:"]) {
      const silent = (await RawConnection.open(server.port)).write(sent);
      t.after(() => silent.destroy());
      assert.equal((await get(server.url)).body, "ok");
      assert.match(await silent.rest(), /^HTTP\/1\.1 408 /);
    }
  });

  test("answers an upgrade that the app would take 501, and the worker is free again", async (t) => {
    const server = await serve(t, lifeApp, ["--model", "sync"]);
    const client = await RawConnection.open(server.port);
    t.after(() => client.destroy());
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    client.request("GET /ws HTTP/1.1", ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", key]);
    assert.equal((await client.response()).status, 501);
    await client.ended();
    assert.equal((await get(server.url)).body, "ok");
  });
});

describe("a handler that hangs", { concurrency: 3 }, () => {
  for (const path of ["/loop", "/wait", "/native"]) {
    test(`in ${path} ends with its connection after the timeout, and nobody else's`, async (t) => {
      const server = await serveSync(t, 1, ["--timeout", "3s"]);
      const [worker] = workersOf(server.pid);
      const hung = await ask(t, server, path);
      await server.waitForLog(new RegExp(`handles ${path}`));
      const others = [await ask(t, server, "/a"), await ask(t, server, "/b")];
      assert.equal(await hung.rest(), "");
      for (const client of others) assert.equal((await client.response()).body, "ok");
      await server.waitForLog(/was blocked for \d+ ms, longer than --timeout[^]*a new worker replaces it/);
      assert.equal(isAlive(worker!), false);
      const { restarts } = await server.status();
      assert.equal(restarts.workers, 1);
    });
  }

  test("does not keep the others from the other workers", async (t) => {
    const server = await serveSync(t, 2, ["--timeout", "0", "--graceful-timeout", "0"]);
    await ask(t, server, "/loop");
    await server.waitForLog(/handles \/loop/);
    for (let i = 0; i < 5; i++) assert.equal((await get(server.url)).body, "ok");
  });

  test("does not keep the one that went ahead to it, also not while others are in line", async (t) => {
    const server = await serveSync(t, 2, ["--timeout", "0", "--graceful-timeout", "0"]);
    await ask(t, server, "/loop");
    await server.waitForLog(/handles \/loop/);
    const held = await hold(t, server, "0");
    const clients = [];
    for (let i = 0; i < 6; i++) clients.push(await ask(t, server, `/${i}`));
    await waiting(server, 6);
    held.destroy();
    for (const client of clients) assert.equal((await client.response()).body, "ok");
  });

  test("or throws where nobody catches it does not keep those who wait from the thread that comes next", async (t) => {
    const server = await serveSync(t, 1);
    const thrower = await ask(t, server, "/throw");
    await server.waitForLog(/handles \/throw/);
    const clients = [await ask(t, server, "/alone?ms=200"), await ask(t, server, "/alone?ms=1")];
    assert.equal((await thrower.response()).status, 500);
    for (const client of clients) assert.equal((await client.response()).body, "1 inside");
    await server.waitForLog(/uncaught exception on serving thread 0; the worker is replaced/);
  });
});

describe("those who wait", { concurrency: 3 }, () => {
  async function line(t: TestContext, server: LifeServer, count: number): Promise<RawConnection[]> {
    const clients: RawConnection[] = [];
    for (let i = 0; i < count; i++) clients.push(await ask(t, server, `/waited?${i}`));
    await waiting(server, count);
    return clients;
  }

  async function assertAnswered(clients: readonly RawConnection[]): Promise<void> {
    for (const client of clients) assert.equal((await client.response()).body, "ok");
  }

  test("are served when a worker is killed, by those that are left and its replacement", async (t) => {
    const server = await serveSync(t, 2);
    const [first, second] = [await hold(t, server, "0"), await hold(t, server, "1")];
    const clients = await line(t, server, 5);
    process.kill(Number(first.worker), "SIGKILL");
    await assertAnswered(clients);
    await server.waitForStatus(({ workers }) => workers.filter(({ state }) => state === "serving").length === 2);
    second.destroy();
  });

  test("are served after a request that kills its worker as soon as it begins, which ends and is not tried again", async (t) => {
    const server = await serveSync(t, 1);
    const held = await hold(t, server, "0");
    const crash = await ask(t, server, "/crash");
    const clients = [await ask(t, server, "/a"), await ask(t, server, "/b")];
    await waiting(server, 3);
    held.destroy();
    assert.equal(await crash.rest(), "");
    await assertAnswered(clients);
    assert.equal((await server.status()).restarts.workers, 1);
  });

  test("are served by the new generation of a reload", async (t) => {
    const server = await serveSync(t, 1);
    const held = await hold(t, server, "0");
    const clients = await line(t, server, 5);
    server.signal("SIGHUP");
    await assertAnswered(clients);
    held.destroy();
    await until(() => !isAlive(Number(held.worker)), "the old worker to leave");
  });

  test("are served by one worker more, and when there is one less", async (t) => {
    const server = await serveSync(t, 1);
    await hold(t, server, "0");
    const clients = await line(t, server, 3);
    server.signal("SIGTTIN");
    await assertAnswered(clients);
    const held = await hold(t, server, "1");
    const more = await line(t, server, 3);
    server.signal("SIGTTOU");
    await server.waitForLog(/scaled from 2 to 1/);
    // Whichever worker stays has one of the two; both are let go.
    held.destroy();
    process.kill(workersOf(server.pid)[0]!, "SIGKILL");
    await assertAnswered(more);
  });

  test("are served before a stop, which refuses who comes after it", async (t) => {
    const server = await serveSync(t, 1);
    const held = await hold(t, server, "0");
    const clients = await line(t, server, 3);
    server.signal("SIGTERM");
    await server.waitForLog(/stopping 1 worker/);
    await assert.rejects(
      until(() => ask(t, server, "/late").then(() => false), "a refusal"),
      { code: "ECONNREFUSED" },
    );
    held.destroy();
    await assertAnswered(clients);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });

  test("are answered 503 when a stop has no time for them", async (t) => {
    const server = await serveSync(t, 1, ["--graceful-timeout", "4s"]);
    await hold(t, server, "0");
    const clients = await line(t, server, 3);
    server.signal("SIGTERM");
    for (const client of clients) assert.equal((await client.response()).status, 503);
    assert.deepEqual(await server.exited, { code: 1, signal: null });
  });
});

describe("what sync cannot be combined with", { concurrency: 3 }, () => {
  for (const [args, told] of [
    [["--threads", "4"], /--threads: got "4" with the model sync; expected 1/],
    [["--accept", "shared"], /--accept: got "shared" with the model sync; expected handoff/],
    [["--accept", "reuseport"], /--accept: got "reuseport"/],
  ] as const) {
    test(`${args.join(" ")} is told at once, with exit code 2`, async () => {
      const run = await runHeddle(["serve", app, "--model", "sync", "-p", "0", ...args]);
      assert.equal(run.code, 2, run.stderr);
      assert.match(run.stderr, told);
    });
  }

  for (const [server, route] of [
    ["loop", "sync"],
    ["sync", "loop"],
  ] as const) {
    test(`a route of the app with ${route} under ${server} is told at start, with exit code 2`, async (t) => {
      const code = `export const routes = { "GET /x": { model: "${route}" } };\nexport default (_req: unknown, res: { end(): void }): void => res.end();\n`;
      const file = join(tempFolder(t, { "app.ts": code }), "app.ts");
      const run = await runHeddle(["serve", file, "--model", server, "-p", "0", "--control", "off"]);
      assert.equal(run.code, 2, run.stderr);
      assert.match(run.stderr, new RegExp(`route GET /x: got the model "${route}"`));
    });
  }
});
