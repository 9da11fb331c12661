/** The simulated WebSocket clients against a real server that commits one fault at a time. Their program is built with Go. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { isOnPath } from "../../bench/harness/wrk.ts";
import { installWebSocketClients, WebSocketClients } from "../../bench/web-sockets/web-sockets.ts";

const SHORT_MS = 300;
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server of `ws` in which `onMessage` decides what becomes of a message. */
function serve(onMessage: (socket: WebSocket, text: string, all: Set<WebSocket>) => void): Promise<string> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => onMessage(socket, data.toString(), sockets.clients));
  });
  return listen(server);
}

async function withClients(
  url: string,
  processes: number,
  use: (clients: WebSocketClients) => Promise<void>,
): Promise<void> {
  const clients = await WebSocketClients.start(url, "/ws", processes);
  try {
    await use(clients);
  } finally {
    await clients.stop();
  }
}

describe("the simulated WebSocket clients", { skip: isOnPath("go") ? false : "Go is not installed" }, () => {
  before(async () => {
    assert.deepEqual({ ...(await installWebSocketClients()), version: "" }, { available: true, version: "" });
  });

  it("count every echo and every delivery, in several processes", async () => {
    const { default: app } = (await import("../../bench/apps/sockets-plain.ts")) as { default: Server };
    await withClients(await listen(app), 2, async (clients) => {
      const { opened, failed } = await clients.connect(31);
      assert.deepEqual({ opened, failed }, { opened: 31, failed: 0 });
      const echo = await clients.echo(0.1);
      assert.deepEqual([echo.received, echo.lost], [31, 0]);
      assert.ok(echo.p50Ms <= echo.p99Ms);
      const paced = await clients.publish({ perSecond: 50 }, 0.2);
      assert.deepEqual([paced.sent, paced.received], [10, 310]);
      const { sent, received } = await clients.publish({ window: 2 }, 0.2);
      assert.ok(sent > 1);
      assert.equal(received, 31 * sent);
      assert.deepEqual(await clients.alive(), { open: 31, ended: {} });
    });
  });

  it("tell deliveries that did not come, and answers", async () => {
    const url = await serve((socket, text, all) => {
      if (!text.startsWith("all ")) return;
      for (const each of all) if (each !== socket) each.send(text);
    });
    await withClients(url, 1, async (clients) => {
      await clients.connect(5);
      assert.equal((await clients.echo(0.05, SHORT_MS)).lost, 5);
      const { sent, received } = await clients.publish({ perSecond: 20 }, 0.1, SHORT_MS);
      assert.deepEqual([sent, received], [2, 8]);
    });
  });

  it("tell how connections ended: by a close code, or without one", async () => {
    const url = await serve((socket, text) => {
      if (text.endsWith("0")) socket.close(1012);
      else if (text.endsWith("1")) socket.terminate();
      else socket.send(text);
    });
    await withClients(url, 1, async (clients) => {
      await clients.connect(4);
      const { received, lost } = await clients.echo(0.05, 5000);
      assert.deepEqual([received, lost], [2, 2]);
      assert.deepEqual(await clients.alive(), { open: 2, ended: { "1012": 1, cut: 1 } });
    });
  });

  it("count refused handshakes with their reasons", async () => {
    const url = await listen(createServer((_request, response) => response.writeHead(503).end()));
    await withClients(url, 1, async (clients) => {
      const { opened, failed, failures } = await clients.connect(3);
      assert.deepEqual([opened, failed], [0, 3]);
      assert.deepEqual(failures, { "handshake: HTTP/1.1 503 Service Unavailable": 3 });
    });
  });

  it("answer pings, and read long messages in pieces", async () => {
    const pongs: string[] = [];
    const server = createServer();
    new WebSocketServer({ server }).on("connection", (socket) => {
      socket.on("pong", (data) => {
        pongs.push(data.toString());
        socket.send("x".repeat(60_000));
      });
      socket.on("message", () => socket.ping("there?"));
    });
    await withClients(await listen(server), 1, async (clients) => {
      await clients.connect(2);
      const { received } = await clients.echo(0.05, 5000);
      assert.equal(received, 2);
      assert.deepEqual(pongs, ["there?", "there?"]);
    });
  });
});
