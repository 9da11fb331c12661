/** A chat room: an actor for each WebSocket, beside an Express app. */

import express, { type Express } from "express";
import { groups } from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { publish, type RouteSettings, socketActor } from "../../src/index.ts"; // in your project: from "heddle"

const app: Express = express();
app.get("/", (_req, res) => void res.send("connect a WebSocket to /chat/lobby?name=you\n"));
// Any handler may speak in a room.
app.post("/announce/:room", express.text(), (req, res) => {
  publish(req.params.room, `* ${String(req.body)}`);
  res.end();
});
export default app;

const chat = socketActor(
  async function chat(self, socket, { parsedUrl }) {
    const room = parsedUrl.pathname.split("/")[2] ?? "";
    const name = parsedUrl.searchParams.get("name") ?? "somebody";
    await groups.join(room, self.pid);
    void socket.send(`* welcome to ${room}, ${name}`);
    publish(room, `* ${name} came in`, { except: self.pid });
    try {
      for (;;) {
        const message = await self.receive();
        if (typeof message === "string") publish(room, `${name}: ${message}`);
        else if ("type" in message) return;
        else socket.close(1003, "text only");
      }
    } finally {
      publish(room, `* ${name} has left`, { except: self.pid });
    }
  },
  { messageBytes: 4096, messagesPerSecond: 20, accept: ({ parsedUrl }) => parsedUrl.searchParams.has("name") },
);

export const routes: Record<string, RouteSettings> = { "/chat/:room": { websocket: chat } };
