/** A chat with rooms. Each copy of the app has its own clients; a room has clients of all of them. */

import { createServer, type Server as HttpServer } from "node:http";
import { instance } from "../../src/index.ts"; // in your project: from "heddle"
import { Server } from "socket.io";
import { HeddleAdapter } from "./heddle-adapter.ts";

interface FromClient {
  join: (room: string, joined: (copy: string) => void) => void;
  say: (room: string, text: string, said: () => void) => void;
  shout: (text: string, shouted: () => void) => void;
  who: (room: string, told: (ids: readonly string[]) => void) => void;
  copies: (told: (copies: readonly string[]) => void) => void;
}

interface ToClient {
  said: (text: string, copy: string) => void;
}

interface FromCopy {
  name: (answer: (copy: string) => void) => void;
}

const copy = `worker ${instance.worker}, thread ${instance.thread}`;
const server: HttpServer = createServer((_req, res) => res.end("a Socket.IO server\n"));
const io: Server<FromClient, ToClient, FromCopy> = new Server<FromClient, ToClient, FromCopy>(server, {
  adapter: HeddleAdapter,
});

io.on("connection", (socket) => {
  socket.on("join", (room, joined) => {
    void socket.join(room);
    joined(copy);
  });
  socket.on("say", (room, text, said) => {
    io.to(room).emit("said", text, copy);
    said();
  });
  socket.on("shout", (text, shouted) => {
    io.emit("said", text, copy);
    shouted();
  });
  // The clients of a room, of all copies.
  socket.on("who", (room, told) => {
    const members = io.in(room).fetchSockets();
    members.then((all) => told(all.map(({ id }) => id)), report);
  });
  // Each other copy answers.
  socket.on("copies", (told) => {
    const others = io.serverSideEmitWithAck("name");
    others.then((names) => told([copy, ...names]), report);
  });
});

io.on("name", (answer) => answer(copy));

/** A copy hangs. The client that has asked asks again. */
function report(error: unknown): void {
  console.error("not all copies have answered:", error);
}

/** Clients that poll get an answer now, and connect again: to the copies that take over. */
export function onDrain(): void {
  io.engine.close();
}

/** The other copies do not wait for its answers any more. */
export async function onStop(): Promise<void> {
  await io.of("/").adapter.close();
}

export default server;
