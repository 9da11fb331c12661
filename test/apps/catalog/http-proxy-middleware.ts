import { UPGRADES } from "../notes.ts";
import type { AppRecord } from "../record.ts";
import { get, post, socket } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "http-proxy-middleware",
  group: "Middleware and uploads",
  about: "a proxy before a second server of the app, WebSockets too",
  packages: { express: "5.3.0", "http-proxy-middleware": "4.2.2", ws: "8.23.0" },
  files: {
    "app.mjs": `
import express from "express";
import { createProxyMiddleware } from "http-proxy-middleware";
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const backend = createServer((req, res) => {
  res.writeHead(200, { "x-path": req.url });
  req.pipe(res);
});
new WebSocketServer({ server: backend }).on("connection", (socket) =>
  socket.on("message", (data) => socket.send("proxied " + data)),
);
backend.listen(0, "127.0.0.1");
await once(backend, "listening");
const proxy = createProxyMiddleware({ target: "http://127.0.0.1:" + backend.address().port, ws: true });
const app = express();
app.get("/own", (req, res) => res.send("own"));
app.use("/api", proxy);
const server = app.listen(process.env.PORT);
server.on("upgrade", proxy.upgrade);
backend.unref();
${closesAtSigterm}`,
  },
  requests: [
    get("/own"),
    get("/api/a?b=c"),
    post("/api/echo", { text: "x".repeat(200_000) }),
    socket("/api/ws", ["one"]),
  ],
  exceptions: [{ check: "answers", shapes: ["model threads"], requests: ["WebSocket /api/ws"], why: UPGRADES }],
};

export default app;
