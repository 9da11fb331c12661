/** A chat with rooms. Each copy of the app has its own clients; a room has clients of all of them. */

import { createServer, type Server as HttpServer } from "node:http";
import { Server } from "socket.io";
import { BroadcastAdapter } from "./broadcast-adapter.ts";

interface FromClient {
  join: (room: string, joined: (copy: string) => void) => void;
  say: (room: string, text: string, said: () => void) => void;
}

interface ToClient {
  said: (text: string, copy: string) => void;
}

const copy = `thread ${process.env["HEDDLE_THREAD_INDEX"] ?? "0"}`;
const server: HttpServer = createServer((_req, res) => res.end("a Socket.IO server\n"));
const io: Server<FromClient, ToClient> = new Server<FromClient, ToClient>(server, { adapter: BroadcastAdapter });

io.on("connection", (socket) => {
  socket.on("join", (room, joined) => {
    void socket.join(room);
    joined(copy);
  });
  socket.on("say", (room, text, said) => {
    io.to(room).emit("said", text, copy);
    said();
  });
});

/** Clients that poll get an answer now, and connect again: to the copies that take over. */
export function onDrain(): void {
  io.engine.close();
}

export default server;
