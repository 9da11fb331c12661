/** The load client against servers that each commit one fault. */
import assert from "node:assert/strict";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { after, describe, it } from "node:test";
import { WebSocketServer } from "ws";
import {
  FAILURES,
  type Failure,
  type Kind,
  type LoadOptions,
  type LoadReport,
  startMixedLoad,
} from "../../bench/mixed/start.ts";

const servers = new Set<Server>();
after(() => {
  for (const server of servers) server.close();
});

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("the load client", { concurrency: 4 }, () => {
  it("counts good answers of every kind and nothing else", async () => {
    const { default: app } = (await import("../../bench/apps/mixed.ts")) as { default: HttpServer };
    const url = await listen(app);
    const clients = { keepAlive: 2, newConnections: 2, uploads: 2, slow: 1, streams: 1, webSockets: 2 };
    const report = await load({ url, ...clients }, 700);
    for (const kind of Object.keys(clients) as Kind[]) assert.ok((report.kinds[kind]?.ok ?? 0) > 0, kind);
    assert.equal(report.failed, 0, JSON.stringify(report.failures));
    assert.equal(report.retried, 0);
    app.closeAllConnections();
  });

  it("counts a port nobody listens on as refused", async () => {
    const server = createServer();
    const url = await listen(server);
    await close(server);
    assertOnly(await load({ url, keepAlive: 1 }), "keepAlive", "refused");
  });

  it("counts a connection that ends before the answer as reset", async () => {
    const url = await listen(createServer((socket) => onRequest(socket, () => socket.destroy())));
    assertOnly(await load({ url, keepAlive: 1 }), "keepAlive", "reset");
  });

  it("counts a connection that is reset (RST) before the answer as reset", async () => {
    const url = await listen(createServer((socket) => onRequest(socket, () => socket.resetAndDestroy())));
    assertOnly(await load({ url, newConnections: 1 }), "newConnections", "reset");
  });

  it("counts an answer that stops in the middle as cut", async () => {
    const url = await listen(createServer((socket) => onRequest(socket, () => socket.end(OK.slice(0, -1)))));
    assertOnly(await load({ url, streams: 1 }), "streams", "cut");
  });

  it("counts a chunked answer without its last chunk as cut", async () => {
    const text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    const url = await listen(createServer((socket) => onRequest(socket, () => socket.end(text))));
    assertOnly(await load({ url, streams: 1 }), "streams", "cut");
  });

  it("counts an upload that is cut off half-way as reset, and never sends it again", async () => {
    let requests = 0;
    const server = createServer((socket) => {
      requests++;
      onRequest(socket, () => setTimeout(() => socket.destroy(), 60));
    });
    const report = await load({ url: await listen(server), uploads: 1 }, 250);
    assertOnly(report, "uploads", "reset");
    assert.equal(requests, report.failed);
  });

  it("counts an upload whose bytes did not all arrive as malformed", async () => {
    const server = createHttpServer((request, response) => request.resume().on("end", () => response.end("10239")));
    assertOnly(await load({ url: await listen(server), uploads: 1 }, 100), "uploads", "malformed");
  });

  it("counts no answer in time as timeout", async () => {
    const url = await listen(createServer((socket) => onRequest(socket, () => {})));
    assertOnly(await load({ url, slow: 1, timeoutMs: 80 }, 150), "slow", "timeout");
  });

  it("counts a complete answer that isn't 2xx as a bad status", async () => {
    const server = createHttpServer((_request, response) => response.writeHead(503).end());
    assertOnly(await load({ url: await listen(server), keepAlive: 1 }), "keepAlive", "badStatus");
  });

  it("sends an idempotent request again when an idle connection closed under it, and says so", async () => {
    // Answers the first request of a connection, closes as soon as it sees the second: the unannounced close.
    const server = createServer((socket) => {
      let requests = 0;
      onRequest(socket, () => (++requests === 1 ? socket.write(OK) : socket.destroy()));
    });
    const report = await loadUntil({ url: await listen(server), keepAlive: 1 }, 150, ({ retried }) => retried > 0);
    assert.equal(report.failed, 0, JSON.stringify(report.failures));
    assert.ok(report.retried > 0);
    assert.ok(Math.abs(report.ok - report.retried) <= 1, `${report.ok} ok, ${report.retried} retried`);
  });

  it("has nothing to send again when the close is announced, or comes while nothing is under way", async () => {
    const announced = OK.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    const first = await listen(createServer((socket) => onRequest(socket, () => socket.end(announced))));
    const second = await listen(
      createServer((socket) => onRequest(socket, () => socket.write(OK, () => setTimeout(() => socket.end(), 5)))),
    );
    for (const url of [first, second]) {
      // On a busy machine the close may come as late as the next request, by chance.
      let report = await load({ url, keepAlive: 1, pauseMs: 400 }, 1000);
      for (let tries = 1; tries < 5 && (report.ok <= 1 || report.retried > 0); tries++) {
        report = await load({ url, keepAlive: 1, pauseMs: 400 }, 1000 * 2 ** tries);
      }
      assert.ok(report.ok > 1);
      assert.equal(report.failed + report.retried, 0, JSON.stringify(report.failures));
    }
  });

  it("takes a WebSocket's goodbye for no failure, and an abrupt end for one", async () => {
    const polite = await listenWebSocket((sockets) =>
      sockets.on("connection", (socket) => void closeAfter(socket, 1001)),
    );
    const goodbyes = ({ kinds }: LoadReport): number => kinds.webSockets?.goingAway ?? 0;
    const politeReport = await loadUntil({ url: polite, webSockets: 1 }, 250, (report) => goodbyes(report) > 1);
    assert.equal(politeReport.failed, 0, JSON.stringify(politeReport.failures));
    assert.ok(goodbyes(politeReport) > 1);
    const abrupt = await listenWebSocket((sockets) =>
      sockets.on("connection", (socket) => void closeAfter(socket, "abruptly")),
    );
    assertOnly(await load({ url: abrupt, webSockets: 1 }), "webSockets", "cut");
    const failing = await listenWebSocket((sockets) =>
      sockets.on("connection", (socket) => void closeAfter(socket, 1011)),
    );
    assertOnly(await load({ url: failing, webSockets: 1 }), "webSockets", "badStatus");
  });

  it("counts a refused WebSocket as refused", async () => {
    const server = createServer();
    const url = await listen(server);
    await close(server);
    assertOnly(await load({ url, webSockets: 1 }), "webSockets", "refused");
  });

  it("tells who held a connection at a mark, and what was lost after it", async () => {
    const server = createHttpServer((_request, response) => response.setHeader("x-worker", "7").end("ok"));
    const url = await listen(server);
    const handle = startMixedLoad({ url, keepAlive: 3, rampMs: 0 });
    await handle.ready;
    // Until its first answer a connection might be anyone's.
    while ((await handle.mark("warming up", "8")).heldByWorker > 0) await sleep(10);
    assert.equal((await handle.mark("someone else", "8")).heldByWorker, 0);
    assert.equal((await handle.mark("it", "7")).heldByWorker, 3);
    server.closeAllConnections();
    await close(server);
    // Time for the next requests of all, also on a busy machine.
    await sleep(1000);
    const report = await handle.stop();
    const [before, after] = report.windows.slice(-2);
    assert.equal(before?.lost, 0);
    assert.ok((after?.lost ?? 0) > 0);
    assert.ok((after?.refused ?? 0) > 0);
  });

  it("ends by itself when nobody stops it", async () => {
    const closed = Promise.withResolvers<void>();
    const url = await listen(
      createServer((socket) => onRequest(socket.once("close", closed.resolve), () => socket.write(OK))),
    );
    const handle = startMixedLoad({ url, keepAlive: 1, rampMs: 0, maxDurationMs: 100 });
    await closed.promise;
    const report = await handle.stop();
    // The default is two minutes.
    assert.ok(report.durationMs >= 90 && report.durationMs < 60_000, `${report.durationMs} ms`);
  });
});

async function load(options: LoadOptions, forMs = 150): Promise<LoadReport> {
  const handle = startMixedLoad({ rampMs: 0, timeoutMs: 2000, ...options });
  await handle.ready;
  await sleep(forMs);
  return handle.stop();
}

/** On a busy machine the clients may need longer for as much. */
async function loadUntil(
  options: LoadOptions,
  forMs: number,
  isEnough: (report: LoadReport) => boolean,
): Promise<LoadReport> {
  const report = await load(options, forMs);
  return isEnough(report) || forMs > 10_000 ? report : await loadUntil(options, 4 * forMs, isEnough);
}

/** Every request of this load ended in this one failure. */
function assertOnly(report: LoadReport, kind: Kind, failure: Failure): void {
  const counts = report.kinds[kind];
  assert.ok(counts !== undefined && counts.failed[failure] > 0, JSON.stringify(report));
  const others = FAILURES.filter((each) => each !== failure && counts.failed[each] > 0);
  assert.deepEqual(others, [], JSON.stringify(report.failures));
  assert.equal(counts.ok + counts.retried, 0);
}

/** Calls back at the end of each head; bodies are not looked at. */
function onRequest(socket: Socket, act: () => void): void {
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    if (chunk.includes("HTTP/1.1\r\n")) act();
  });
}

async function closeAfter(socket: import("ws").WebSocket, how: number | "abruptly"): Promise<void> {
  await sleep(20);
  if (how === "abruptly") socket.terminate();
  else socket.close(how);
}

async function listenWebSocket(prepare: (sockets: WebSocketServer) => void): Promise<string> {
  const server = createHttpServer();
  prepare(new WebSocketServer({ server }));
  return listen(server);
}

async function listen(server: Server): Promise<string> {
  servers.add(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): Promise<void> {
  servers.delete(server);
  return new Promise((resolve) => void server.close(() => resolve()));
}
