import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { WebSocket } from "ws";
import type { AppShape } from "../../../../src/server/app/load/load-app.ts";
import { rawExchange } from "../raw-http.ts";
import { until } from "../../arbiter/support.ts";
import { freePort } from "../../../support/free-port.ts";
import { serveFixture } from "../serve-fixture.ts";

/** Sends one message over a WebSocket and gives the answer. */
async function talk(port: number, path: string, message: string): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  await once(socket, "open");
  socket.send(message);
  const [answer] = (await once(socket, "message")) as [Buffer];
  socket.close();
  await once(socket, "close");
  return answer.toString();
}

describe("loadApp", { concurrency: 2 }, () => {
  const shapes: readonly (readonly [file: string, shape: AppShape, greeting: string])[] = [
    ["listener.cjs", "listener", "hello from cjs"],
    ["typed.cts", "fetch", "hello from cts"],
    ["transpiled.cjs", "fetch", "hello from transpiled"],
    ["esm/app.js", "fetch", "hello from js"],
    ["cjs/app.js", "fetch", "hello from js"],
    ["promise.ts", "fetch", "hello from promise"],
    ["listens-again.ts", "self-listening", "the second"],
    ["nest-listening.ts", "self-listening", "hello from nest"],
  ];
  for (const [file, shape, greeting] of shapes) {
    test(`${file} is loaded as ${shape} and answers`, async () => {
      await using app = await serveFixture(file);
      assert.equal(app.shape, shape);
      assert.equal(await (await app.get("/")).text(), greeting);
    });
  }

  test("a (req, res) function's throw and rejection are its failure", async () => {
    await using app = await serveFixture("listener.mts");
    assert.equal(app.shape, "listener");
    assert.equal(await (await app.get("/")).text(), "hello from listener");
    assert.match(await (await app.get("/throw")).text(), /listener failed/);
    assert.match(await (await app.get("/reject")).text(), /async listener failed/);
  });

  test("CommonJS: hooks on module.exports run, and required files are the app's modules", async () => {
    await using app = await serveFixture("listener.cjs");
    const names = (await app.modules()).map((file) => file.split("/").at(-1));
    assert.deepEqual(names, ["listener.cjs", "part.cjs"]);
    assert.equal(await app.stop(), "cjs started\n");
  });

  test("a function that returns a Response is told to export fetch", async () => {
    await using app = await serveFixture("returns-response.ts");
    const response = await app.get("/");
    assert.equal(response.status, 500);
    assert.match(await response.text(), /called as \(req, res\).*export default \{ fetch: handler \}/);
  });

  test("Express answers, parses a body and handles its own errors", async () => {
    await using app = await serveFixture("express.ts");
    assert.equal(app.shape, "express");
    assert.equal(await (await app.get("/")).text(), "hello from express");
    const init = { method: "POST", body: "posted", headers: { "content-type": "text/plain" } };
    assert.equal(await (await app.get("/echo", init)).text(), "posted");
    assert.equal((await app.get("/fail")).status, 500);
  });

  test("Express that exports its app and listens as well is one app, closed on stop", async () => {
    await using app = await serveFixture("express-listening.ts");
    assert.equal(app.shape, "express");
    assert.equal(await (await app.get("/")).text(), "hello from express");
    assert.equal(await app.stop(), `listening true ${app.port}\nserver closed\n`);
  });

  test("Koa answers, echoes a stream and handles its own errors", async () => {
    await using app = await serveFixture("koa.ts");
    assert.equal(app.shape, "koa");
    assert.equal(await (await app.get("/")).text(), "hello from koa");
    assert.equal(await (await app.get("/", { method: "POST", body: "posted" })).text(), "posted");
    assert.equal((await app.get("/fail")).status, 500);
  });

  test("Hono answers, with middleware, a body, a stream and cookies", async () => {
    await using app = await serveFixture("hono.ts");
    assert.equal(app.shape, "hono");
    const response = await app.get("/");
    assert.equal(await response.text(), "hello from hono");
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    assert.deepEqual(await (await app.get("/echo", { method: "POST", body: "x" })).json(), { got: "x" });
    assert.equal(await (await app.get("/stream")).text(), "one two");
    assert.deepEqual((await app.get("/copy")).headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal((await app.get("/missing")).status, 404);
  });

  test("Fastify gets ready, takes sockets with @fastify/websocket, and closes", async () => {
    await using app = await serveFixture("fastify.ts");
    assert.equal(app.shape, "fastify");
    assert.equal(await (await app.get("/")).text(), "hello from fastify");
    const init = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
    assert.deepEqual(await (await app.get("/echo", init)).json(), { a: 1 });
    assert.equal(await talk(app.port, "/socket", "hi"), "fastify heard hi");
    assert.equal(await app.stop(), "fastify ready\nfastify closed\n");
  });

  test("Fastify that listens on every address of localhost is one app, sockets included", async () => {
    await using app = await serveFixture("fastify-listening.ts");
    assert.equal(app.shape, "self-listening");
    assert.equal(await (await app.get("/")).text(), "hello from fastify");
    assert.equal(await talk(app.port, "/socket", "hi"), "fastify heard hi");
    assert.equal(await app.stop(), `fastify onListen\nhttp://127.0.0.1:${app.port}\n`);
  });

  test("Nest is initialised, answers, and is shut down", async () => {
    await using app = await serveFixture("nest.ts");
    assert.equal(app.shape, "nest");
    assert.equal(await (await app.get("/")).text(), "hello from nest");
    const init = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
    assert.deepEqual(await (await app.get("/echo", init)).json(), { a: 1 });
    assert.equal(await app.stop(), "nest shut down\n");
  });

  test("an http.Server answers, takes sockets with ws, and decides about Expect", async () => {
    await using app = await serveFixture("server-ws.ts");
    assert.equal(app.shape, "server");
    assert.equal(await (await app.get("/")).text(), "hello from server");
    assert.match(await (await app.get("/reject")).text(), /server listener failed/);
    assert.equal(await talk(app.port, "/", "hi"), "server heard hi");
    const head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 5\r\n\r\n";
    assert.match(await rawExchange(app.port, `${head}12345`), /^HTTP\/1\.1 100 Continue[^]*12345/);
    assert.match(await app.stop(), /told it listens .*127\.0\.0\.1/);
  });

  test("an upgrade the app does not take is an ordinary request", async () => {
    await using app = await serveFixture("express.ts");
    const head = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n";
    assert.match(await rawExchange(app.port, head), /^HTTP\/1\.1 200 OK[^]*hello from express/);
  });

  test("a WebSocketServer with a port of its own is captured", async () => {
    await using app = await serveFixture("ws-only.ts");
    assert.equal(app.shape, "self-listening");
    assert.equal(await talk(app.port, "/", "hi"), "ws heard hi");
    assert.equal((await app.get("/")).status, 426);
  });

  test("an app that listens after an awaited connect is waited for", async () => {
    await using app = await serveFixture("late.ts");
    assert.equal(app.shape, "self-listening");
    assert.equal(await (await app.get("/")).text(), "hello from late");
    assert.equal(await (await app.get("/again")).text(), "ERR_SERVER_ALREADY_LISTEN");
    assert.equal(await app.stop(), "before true\nafter true\n");
  });

  test("a server that turns up after loading brings its sockets", async () => {
    await using app = await serveFixture("late-with-export.ts");
    assert.equal(app.shape, "listener");
    assert.equal(await (await app.get("/open")).text(), "hello from both");
    assert.equal(await talk(app.port, "/", "hi"), "late heard hi");
    assert.equal(await (await app.get("/")).text(), "hello from both");
  });

  test("a plain net server binds a port of its own", async () => {
    await using app = await serveFixture("plain-net.ts");
    const port = Number(await (await app.get("/")).text());
    assert.ok(port > 0);
    assert.notEqual(port, app.port);
  });

  test("onStop's throw is told", async () => {
    const app = await serveFixture("stop-fails.ts");
    await assert.rejects(app.stop(), { code: "APP_HOOK_FAILED", message: /stop-fails\.ts: onStop threw\. no way/ });
  });
});

describe("an app that listens on several servers", { concurrency: 1 }, () => {
  let metricsPort = 0;
  const metrics = async (): Promise<string> => await (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
  beforeEach(async () => {
    const [one, other] = await Promise.all([freePort(), freePort()]);
    metricsPort = one;
    process.env["METRICS_PORT"] = `${metricsPort}`;
    process.env["PORT"] = `${other}`;
  });
  afterEach(() => {
    delete process.env["METRICS_PORT"];
    delete process.env["PORT"];
  });

  for (const [file, shape, greeting] of [
    ["metrics-beside-export.ts", "fetch", "hello from the export"],
    ["metrics-before-app.ts", "self-listening", "hello from the app"],
    ["metrics-after-app.ts", "self-listening", "hello from the app"],
  ] as const) {
    test(`${file}: its own is served, and the other is bound for real`, async () => {
      await using app = await serveFixture(file);
      assert.equal(app.shape, shape);
      assert.equal(await (await app.get("/")).text(), greeting);
      assert.equal(await metrics(), "metrics");
      assert.equal(await (await app.get("/")).text(), greeting);
    });
  }

  test("a server on any port works while the app boots, and is not the app's when another one listens", async () => {
    await using app = await serveFixture("internal-server.ts");
    assert.equal(app.shape, "self-listening");
    assert.equal(await (await app.get("/")).text(), "hello, rendered");
  });

  test("a server on any port is the app's when no other listens", async () => {
    await using app = await serveFixture("any-port.ts");
    assert.equal(app.shape, "self-listening");
    assert.equal(await (await app.get("/")).text(), "hello from any port");
  });

  test("a port that is taken waits for whoever has it, and the app hears that it listens once", async () => {
    const first = await serveFixture("metrics-beside-export.ts");
    await using second = await serveFixture("metrics-beside-export.ts");
    assert.equal(await (await second.get("/")).text(), "hello from the export");
    assert.match(await first.stop(), /^metrics listen\n$/);
    await first[Symbol.asyncDispose]();
    await until(() => metrics().catch(() => undefined), "the second copy to have the port");
    assert.match(await second.stop(), /^metrics listen\n$/);
  });

  test("a server with an error listener of its own hears that its port is taken", async () => {
    const taken = createServer().listen(metricsPort, "127.0.0.1");
    await once(taken, "listening");
    await using app = await serveFixture("metrics-closed.ts");
    assert.equal(await (await app.get("/")).text(), "hello");
    assert.match(await app.stop(), /EADDRINUSE/);
    taken.close();
  });
});
