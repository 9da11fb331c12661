import { UPGRADES } from "../notes.ts";
import { get, socket } from "../requests.ts";
import type { AppRecord } from "../record.ts";

const app: AppRecord = {
  name: "ws",
  group: "Realtime",
  packages: { ws: "8.23.0" },
  files: {
    "app.mjs": `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const server = createServer((req, res) => res.end("plain\\n"));
const sockets = new WebSocketServer({ server, path: "/ws", perMessageDeflate: true, handleProtocols: (offered) => [...offered][0] });
sockets.on("connection", (socket) => {
  socket.send("welcome");
  socket.on("message", (data, isBinary) => socket.send(isBinary ? data.length : "echo " + data));
});
server.listen(process.env.PORT);
process.on("SIGTERM", () => {
  for (const socket of sockets.clients) socket.close(1001);
  sockets.close();
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [get("/"), socket("/ws", ["one", "x".repeat(100_000)], 3, "chat")],
  exceptions: [{ check: "answers", shapes: ["model threads"], requests: ["WebSocket /ws"], why: UPGRADES }],
};

export default app;
