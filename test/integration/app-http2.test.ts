/** An app's own HTTP/2 server has its sessions, and its streams pass heddle's gates. */

import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { type LifeServer, makeCertificate, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { runHeddle } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/tls/h2.ts", import.meta.url));

const shapes: readonly (readonly string[])[] = [
  ["-w", "2", "-t", "1"],
  ["-w", "1", "-t", "2"],
  ["-w", "2", "-t", "2"],
];

type Protocol = "h2" | "h2c";

function environment(t: TestContext, protocol: Protocol, env: Record<string, string> = {}): Record<string, string> {
  if (protocol === "h2c") return env;
  const folder = tempFolder(t);
  makeCertificate(folder, "one.test");
  return { CERTIFICATES: folder, ...env };
}

async function serveHttp2(
  t: TestContext,
  protocol: Protocol,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<LifeServer> {
  return await serve(t, app, args, { env: environment(t, protocol, env) });
}

function open(t: TestContext, { url }: LifeServer): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false });
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders | string = "/",
  body?: string,
): Promise<Answer> {
  const stream = session.request(typeof headers === "string" ? { ":path": headers } : headers);
  stream.end(body);
  const [given] = (await once(stream, "response")) as [IncomingHttpHeaders];
  return { status: given[":status"] as unknown as number, headers: given, body: await text(stream) };
}

describe("an app's own HTTP/2 server", { concurrency: 2 }, () => {
  for (const protocol of ["h2", "h2c"] as const) {
    for (const shape of shapes) {
      test(`answers (${protocol}, ${shape.join(" ")})`, async (t) => {
        const server = await serveHttp2(t, protocol, [...shape, "--debug-headers"]);
        assert.match(server.url, protocol === "h2" ? /^https:/ : /^http:/);
        assert.equal((await server.status()).protocol, protocol);
        const session = open(t, server);
        const answers = await Promise.all(Array.from({ length: 10 }, () => ask(session)));
        for (const { status, headers, body } of answers) {
          assert.equal(status, 200);
          assert.equal(JSON.parse(body).version, "2.0");
          assert.ok(headers["x-heddle-worker"] !== undefined);
        }
        const big = "x".repeat(300_000);
        assert.equal((await ask(session, { ":path": "/echo", ":method": "POST" }, big)).body, big);
        await server.waitForStatus(({ counters }) => counters.finished === 11 && counters.started === 11);
      });
    }

    test(`is answered for when its handler fails or takes too long (${protocol})`, async (t) => {
      const server = await serveHttp2(t, protocol, ["-w", "1", "-t", "1", "--timeout", "3s"]);
      const session = open(t, server);
      assert.equal((await ask(session, "/throw")).status, 500);
      await server.waitForLog(/the handler failed/);
      const { status, headers } = await ask(session, "/hang");
      assert.deepEqual([status, headers["late"]], [504, undefined]);
      const part = session.request({ ":path": "/part" });
      await assert.rejects(text(part), { code: "ERR_HTTP2_STREAM_ERROR" });
      assert.equal((await ask(session)).status, 200);
      const { counters, restarts } = await server.status();
      assert.deepEqual([counters.failed, counters.timedOut], [2, 1]);
      assert.deepEqual(restarts, { workers: 0, threads: 0 });
    });

    test(`passes the gate: what is too much gets 503 (${protocol})`, async (t) => {
      const server = await serveHttp2(t, protocol, ["-w", "1", "-t", "1", "--limit", "1", "--queue", "1"]);
      const session = open(t, server);
      const answers = await Promise.all([1, 2, 3, 4].map(() => ask(session, "/slow")));
      assert.deepEqual(answers.map(({ status }) => `${status}`).toSorted(), ["200", "200", "503", "503"]);
      assert.equal(answers.find(({ status }) => status === 503)!.headers["retry-after"], "1");
      await server.waitForStatus(({ counters }) => counters.shed === 2 && counters.finished === 4);
    });

    test(`passes the gate as well if it listens for streams only (${protocol})`, async (t) => {
      const args = ["-w", "1", "-t", "1", "--limit", "1", "--queue", "0"];
      const server = await serveHttp2(t, protocol, args, { STREAMS: "yes" });
      const session = open(t, server);
      const stream = session.request({ ":path": "/service/method", ":method": "POST" });
      await once(stream, "response");
      // Both sides talk in turns.
      stream.setEncoding("utf8");
      for (const word of ["one", "two"]) {
        stream.write(word);
        assert.deepEqual(await once(stream, "data"), [`<${word}>`]);
      }
      assert.equal((await ask(session)).status, 503);
      stream.end();
      const [trailers] = (await once(stream, "trailers")) as [IncomingHttpHeaders];
      assert.equal(trailers["grpc-status"], "0");
      stream.resume();
      await once(stream, "close");
      await until(async () => (await ask(session, { ":method": "POST" }, "x")).status === 200, "a free slot");
    });
  }

  for (const protocol of ["h2", "h2c"] as const) {
    for (const path of ["/large", "/file"]) {
      test(`gives the place of a client that takes nothing of its response to others (${protocol}, ${path})`, async (t) => {
        const args = ["-w", "1", "-t", "1", "--limit", "1", "--queue", "0", "--write-timeout", "4s"];
        const server = await serveHttp2(t, protocol, args);
        const session = open(t, server);
        const stalled = session.request({ ":path": path });
        stalled.on("error", () => {});
        // A client that asks whether the session lives takes nothing for that.
        const pings = setInterval(() => session.destroyed || session.ping(() => {}), 100);
        t.after(() => clearInterval(pings));
        await once(stalled, "response");
        assert.equal((await ask(session)).status, 503);
        await once(stalled, "close");
        assert.equal(stalled.rstCode, constants.NGHTTP2_CANCEL);
        await until(async () => (await ask(session)).status === 200, "a free slot");
      });
    }

    test(`does not cut a client that takes its response slowly (${protocol})`, async (t) => {
      const server = await serveHttp2(t, protocol, ["-w", "1", "-t", "1", "--write-timeout", "3s"]);
      const session = open(t, server);
      const stream = session.request({ ":path": "/large" });
      let bytes = 0;
      // Altogether longer than the write timeout.
      for await (const chunk of stream) {
        bytes += (chunk as Buffer).length;
        await sleep(15);
      }
      assert.equal(bytes, 4 * 1024 * 1024);
    });
  }

  for (const ends of [false, true])
    test(`gives the place of a request that is answered, and whose body ${ends ? "is not read" : "never ends"}, to others`, async (t) => {
      const args = ["-w", "1", "-t", "1", "--limit", "1", "--queue", "0"];
      const server = await serveHttp2(t, "h2", args);
      const session = open(t, server);
      const stream = session.request({ ":path": "/early", ":method": "POST" });
      stream.on("error", () => {});
      stream.write("x".repeat(1000));
      if (ends) stream.end("x".repeat(1000));
      else stream.write("x".repeat(100_000));
      await once(stream, "response");
      assert.equal(await text(stream), "early");
      await until(async () => (await ask(session)).status === 200, "a free slot");
      assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
    });

  test("refuses what is too large", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "1", "--limit-body", "1000"]);
    const session = open(t, server);
    const body = "x".repeat(2000);
    const post = { ":path": "/echo", ":method": "POST" };
    assert.equal((await ask(session, { ...post, "content-length": body.length }, body)).status, 413);
    assert.equal((await ask(session, post, body)).status, 413);
    assert.equal((await ask(session, post, "small")).body, "small");
  });

  for (const [what, args, length, status] of [
    ["is too large", ["--limit-body", "1000"], 2000, 413],
    ["stands still", ["--body-idle-timeout", "600ms"], 500, 408],
  ] as const) {
    test(`has a handler see an error and no end if a body ${what}`, async (t) => {
      const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "1", ...args]);
      const stream = open(t, server).request({ ":path": "/read", ":method": "POST" });
      stream.on("error", () => {});
      if (status === 413) stream.end("x".repeat(length));
      else stream.write("x".repeat(length));
      const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
      assert.equal(headers[":status"], status);
      stream.resume();
      await once(stream, "close");
      await server.waitForLog(/body (?:failed|ended) after/);
      assert.doesNotMatch(server.stdout(), /body ended/);
      // It has not left: it was refused.
      const { counters } = await server.waitForStatus((now) => now.counters.finished === 1);
      assert.equal(counters.clientGone, 0);
    });
  }

  test("gives the place of a request that is answered 504, and whose body is not read on, to others", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "1", "--limit", "1", "--queue", "0", "--timeout", "1s"]);
    const session = open(t, server);
    const post = { ":path": "/paused", ":method": "POST" };
    assert.equal((await ask(session, post, "x".repeat(300_000))).status, 504);
    await until(async () => (await ask(session)).status === 200, "a free slot");
  });

  for (const protocol of ["h2", "h2c"] as const)
    test(`hears that its client has left (${protocol})`, async (t) => {
      const server = await serveHttp2(t, protocol, ["-w", "1", "-t", "1"]);
      const where = { host: "127.0.0.1", port: server.port };
      const socket =
        protocol === "h2c"
          ? connectTcp(where)
          : connectTls({ ...where, ALPNProtocols: ["h2"], rejectUnauthorized: false });
      await once(socket, protocol === "h2c" ? "connect" : "secureConnect");
      const session = connect(server.url, { createConnection: () => socket });
      session.on("error", () => {});
      const stream = session.request({ ":path": "/events" });
      stream.on("error", () => {});
      await once(stream, "response");
      // Without a word of HTTP/2.
      socket.destroy();
      await server.waitForStatus(({ counters }) => counters.clientGone === 1 && counters.finished === 1);
    });

  test("speaks HTTP/1.1 with clients that know no other, upgrades too", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "2", "--limit-header", "2000"]);
    const ask1 = (headers: Record<string, string> = {}): Promise<{ status: number; body: string }> =>
      new Promise((resolve, reject) => {
        request({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false, headers }, (res) => {
          void text(res).then((body) => resolve({ status: res.statusCode!, body }), reject);
        })
          .on("error", reject)
          .end();
      });
    assert.equal(JSON.parse((await ask1()).body).version, "1.1");
    assert.equal((await ask1({ long: "x".repeat(4000) })).status, 431);
    const socket = connectTls({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n");
    assert.match(await text(socket), /^HTTP\/1\.1 101 [^]*upgraded$/);
  });

  test("may push", async (t) => {
    const session = open(t, await serveHttp2(t, "h2", ["-w", "1", "-t", "1"]));
    const pushed = once(session, "stream") as Promise<[Parameters<typeof text>[0]]>;
    assert.equal((await ask(session, "/push")).status, 200);
    assert.equal(await text((await pushed)[0]), "pushed");
  });

  test("ends sessions that are idle, by GOAWAY", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "1", "--keep-alive", "500ms"]);
    const session = open(t, server);
    const [leaving, closed] = [once(session, "goaway"), once(session, "close")];
    await ask(session);
    const [code] = (await leaving) as [number];
    assert.equal(code, constants.NGHTTP2_NO_ERROR);
    await closed;
  });

  test("survives clients that reset their streams at once, and those that speak no HTTP/2", async (t) => {
    const server = await serveHttp2(t, "h2c", ["-w", "1", "-t", "1", "--limit", "10"]);
    const flood = open(t, server);
    for (let i = 0; i < 500 && !flood.destroyed; i++) {
      const stream = flood.request({ ":path": "/slow" });
      stream.on("error", () => {});
      stream.close(constants.NGHTTP2_CANCEL);
    }
    const other = connectTcp(server.port, "127.0.0.1");
    other.on("error", () => {});
    other.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    other.resume();
    await once(other, "close");
    assert.equal((await ask(open(t, server))).status, 200);
    flood.destroy();
    await server.waitForStatus(
      ({ counters, models }) => counters.started === counters.finished && models["loop"]!.inFlight === 0,
    );
    assert.deepEqual((await server.status()).restarts, { workers: 0, threads: 0 });
  });

  for (const [args, expected] of [
    [["--model", "sync"], /speaks HTTP\/2, which only the model loop serves; the app's model is sync/],
    [["--model", "threads"], /which only the model loop serves; the app's model is threads/],
  ] as const) {
    test(`is refused with ${args.join(" ")}`, async (t) => {
      const env = environment(t, "h2");
      const { code, stderr } = await runHeddle(["serve", app, "-p", "0", "--control", "off", ...args], { env });
      assert.equal(code, 1);
      assert.match(stderr, expected);
    });
  }

  test("is refused with --tls-cert", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const args = ["serve", app, "-p", "0", "--control", "off", "--tls-cert", cert, "--tls-key", key];
    const { code, stderr } = await runHeddle(args, { env: environment(t, "h2") });
    assert.equal(code, 1);
    assert.match(stderr, /speaks HTTP\/2, and --tls-cert serves HTTP\/1/);
  });
});

/** A client that opens a new session when its own is told to go, and repeats what was refused. */
async function keepAsking(t: TestContext, server: LifeServer, signal: AbortSignal): Promise<number> {
  let session: ClientHttp2Session | undefined;
  let asked = 0;
  const askOne = async (path: string): Promise<void> => {
    for (;;) {
      if (session === undefined || session.closed || session.destroyed) session = open(t, server);
      const stream = session.request({ ":path": path });
      stream.end();
      try {
        const [{ ":status": status }] = (await once(stream, "response")) as [{ ":status": number }];
        await text(stream);
        assert.equal(status, 200);
        asked++;
        return;
      } catch (error) {
        if (stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM) throw error;
      }
    }
  };
  while (!signal.aborted) await Promise.all(["/", "/slow", "/"].map(askOne));
  return asked;
}

describe("a reload of an app with HTTP/2", { concurrency: 1 }, () => {
  for (const protocol of ["h2", "h2c"] as const) {
    for (const shape of shapes) {
      test(`loses no request (${protocol}, ${shape.join(" ")})`, async (t) => {
        const server = await serveHttp2(t, protocol, shape);
        const over = new AbortController();
        const clients = Promise.all(Array.from({ length: 4 }, () => keepAsking(t, server, over.signal)));
        for (let i = 0; i < 3; i++) assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
        over.abort();
        const counts = await clients;
        assert.ok(counts.every((count) => count > 0));
        // What was refused did not reach the app.
        const asked = counts.reduce((sum, count) => sum + count);
        const { counters } = await server.waitForStatus(({ counters }) => counters.finished === counters.started);
        assert.deepEqual([counters.finished, counters.failed], [asked, 0]);
      });
    }
  }

  test("answers the first requests of a session that opens in the drain", async (t) => {
    const server = await serveHttp2(t, "h2c", ["-w", "1", "-t", "1"]);
    const socket = connectTcp({ host: "127.0.0.1", port: server.port });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]!.connections === 1);
    const reloaded = runHeddle(["reload", "--control", server.control]);
    await server.waitForStatus(({ workers }) => workers.some(({ state }) => state === "draining"));
    const session = connect(server.url, { createConnection: () => socket });
    session.on("error", () => {});
    const lastTaken = once(session, "goaway").then(([, lastStream]) => lastStream as number);
    const answers = await Promise.all([ask(session), ask(session, "/slow")]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(await lastTaken, 3);
    assert.equal((await reloaded).code, 0);
  });

  test("ends event streams, and lets requests finish", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "1", "-t", "1"]);
    const session = open(t, server);
    const events = session.request({ ":path": "/events" });
    await once(events, "response");
    const told = text(events);
    const slow = ask(session, "/slow");
    const closed = once(session, "close");
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    assert.equal(await told, "data: 1\n\n");
    assert.equal((await slow).status, 200);
    await closed;
  });

  test("does not wait for a client that sends nothing and never closes its side", { timeout: 90_000 }, async (t) => {
    const server = await serveHttp2(t, "h2c", [
      "-w",
      "1",
      "-t",
      "1",
      "--graceful-timeout",
      "10m",
      "--keep-alive",
      "10m",
    ]);
    const socket = connectTcp({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
    t.after(() => socket.destroy());
    socket.resume();
    const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), emptySettings]));
    await once(socket, "data");
    assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
    await server.waitForStatus(({ workers }) => workers.length === 1 && workers[0]!.generation === 2);
  });

  test("a stop answers what it has begun", async (t) => {
    const server = await serveHttp2(t, "h2", ["-w", "2", "-t", "1"]);
    const slow = ask(open(t, server), "/slow");
    const idle = open(t, server);
    await once(idle, "connect");
    await server.waitForStatus(({ models }) => models["loop"]!.inFlight === 1);
    const exit = server.stop();
    assert.equal((await slow).status, 200);
    assert.equal((await exit).code, 0);
  });

  test("ends a fetch app's event streams when it stops, by cancelling them", async (t) => {
    const fetchApp = fileURLToPath(new URL("../fixtures/tls/h2-fetch.ts", import.meta.url));
    const server = await serve(t, fetchApp, ["-w", "1", "-t", "1", "--graceful-timeout", "1m"]);
    const events = open(t, server).request({ ":path": "/" });
    await once(events, "data");
    const rest = text(events);
    server.signal("SIGTERM");
    assert.equal(await rest, "");
    await server.waitForLog(/cancelled: DrainError/);
    assert.deepEqual(await server.exited, { code: 0, signal: null });
  });
});
