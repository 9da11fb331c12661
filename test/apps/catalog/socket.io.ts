import { UPGRADES } from "../notes.ts";
import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";

const app: AppRecord = {
  name: "socket.io",
  group: "Realtime",
  about: "WebSocket transport; long polling needs one copy, or sticky connections",
  packages: { "socket.io": "4.8.4" },
  files: {
    "app.mjs": `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer((req, res) => res.end("plain\\n"));
const io = new Server(server, { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("echo", (text, reply) => reply("echo " + text));
});
server.listen(process.env.PORT);
process.on("SIGTERM", async () => {
  await io.close();
  appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
  process.exit(0);
});
`,
  },
  requests: [
    get("/"),
    get("/socket.io/socket.io.min.js"),
    custom("connect, and an event with an acknowledgement", async ({ port }) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const received: string[] = [];
      client.addEventListener("message", ({ data }) => {
        const text = String(data).replaceAll(/"sid":"[^"]+"/g, '"sid":"…"');
        received.push(text);
        if (text.startsWith("0")) client.send("40");
        if (text.startsWith("40")) client.send('420["echo","one"]');
        if (text.startsWith("43")) resolve(received);
      });
      client.addEventListener("error", () => reject(new Error("the WebSocket failed")));
      client.addEventListener("close", ({ code }) => reject(new Error(`the WebSocket was closed with ${code}`)));
      return promise.finally(() => client.close());
    }),
  ],
  exceptions: [
    {
      check: "answers",
      shapes: ["model threads"],
      requests: ["connect, and an event with an acknowledgement"],
      why: UPGRADES,
    },
  ],
};

export default app;
