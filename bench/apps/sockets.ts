/**
 * WebSockets as actors: one room in which everybody is. sockets-plain.ts says what is done with which message.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { groups } from "../../src/actors/index.ts";
import { publish, type SocketActor, socketActor } from "../../src/index.ts";
import { collect } from "./collect.ts";

export const websocket: SocketActor = socketActor(async (self, socket) => {
  await groups.join("room", self.pid);
  for (;;) {
    const message = await self.receive();
    if (typeof message === "string" && message.startsWith("all ")) publish("room", message);
    else void socket.send(message);
  }
});

export default function app(request: IncomingMessage, response: ServerResponse): void {
  const body = request.url === "/collect" ? collect() : "ready\n";
  response.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
}
