/**
 * Everything that a reload can break: short and slow answers, streamed answers, uploads, WebSockets.
 *
 *     GET /            at once
 *     GET /wait?ms=    after a wait
 *     GET /slow        after 300 ms
 *     GET /stream      10 chunks of 1 KiB, 50 ms apart
 *     POST /upload     the number of bytes received
 *     GET /instance    a token that is new each time this module is loaded
 *     WebSocket /ws    echo
 *
 * Every answer names its process in `x-worker`, so that a client knows which one had its request when that process was killed.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";

const instance = randomUUID();
const server: Server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // A client may leave in the middle of an upload. Any other error must be seen.
    if (!request.destroyed) console.error(error);
    response.destroy();
  });
});
const sockets = new WebSocketServer({ server, path: "/ws" });
sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  response.setHeader("x-worker", process.pid);
  response.setHeader("content-type", "text/plain");
  switch (pathname) {
    case "/":
      return send(response, "Hello, world!\n");
    case "/instance":
      return send(response, instance);
    case "/wait":
      await sleep(Number(searchParams.get("ms") ?? 1000));
      return send(response, "waited\n");
    case "/slow":
      await sleep(300);
      return send(response, "slow\n");
    case "/stream": {
      for (let chunk = 0; chunk < 10; chunk++) {
        response.write("x".repeat(1023) + "\n");
        await sleep(50);
      }
      response.end();
      return;
    }
    case "/upload": {
      let bytes = 0;
      for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length;
      return send(response, String(bytes));
    }
    default:
      response.statusCode = 404;
      return send(response, "not found\n");
  }
}

function send(response: ServerResponse, body: string): void {
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
}

/** Only the application can send it at a stop: RFC 6455 §7.4.1, 1001 "going away". */
export function onStop(): void {
  for (const socket of sockets.clients) socket.close(1001);
}

export default server;
