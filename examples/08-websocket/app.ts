/** An exported http.Server: heddle calls its listeners, `upgrade` among them, so `ws` attaches to it as always. */

import { createServer, type Server } from "node:http";
import { WebSocketServer } from "ws";

const server: Server = createServer((_req, res) => {
  res.end("connect with a WebSocket\n");
});

const sockets: WebSocketServer = new WebSocketServer({ server, maxPayload: 64 * 1024 });

sockets.on("connection", (socket) => {
  socket.on("message", (message: Buffer) => socket.send(`heard ${message.toString()}`));
  // 1001 is "going away": the server reloads or stops. A client that connects again meets the new code.
  socket.on("close", (code) => console.log(`closed with code ${code}`));
});

export default server;
