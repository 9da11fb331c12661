/**
 * WebSockets by `ws` alone, in one event loop: one room in which everybody is. sockets.ts does the same with actors.
 *
 *     "all …"        to everybody in the room, as it is
 *     anything else  back to its sender
 *     GET /collect   collects garbage; answers `<pid> <thread>`
 */
import { createServer, type Server } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { collect } from "./collect.ts";

const server: Server = createServer((request, response) => {
  const body = request.url === "/collect" ? collect() : "ready\n";
  response.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
});
const sockets = new WebSocketServer({ server, path: "/ws", perMessageDeflate: false });

sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data: Buffer, binary) => {
    if (!data.toString("latin1", 0, 4).startsWith("all ")) {
      socket.send(data, { binary });
      return;
    }
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary });
    }
  });
});

export function onStop(): void {
  for (const socket of sockets.clients) socket.close(1001);
}

export default server;
