import { UPGRADES } from "../notes.ts";
import { get, post, socket } from "../requests.ts";
import type { AppRecord } from "../record.ts";

const app: AppRecord = {
  name: "fastify",
  group: "Frameworks",
  about: "static files, multipart, WebSockets, sessions",
  packages: {
    fastify: "5.12.8",
    "@fastify/static": "10.1.11",
    "@fastify/multipart": "10.1.9",
    "@fastify/websocket": "11.3.7",
    "@fastify/cookie": "11.1.5",
    "@fastify/session": "11.1.3",
  },
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.mjs": `
import Fastify from "fastify";
import { appendFileSync } from "node:fs";
import { resolve } from "node:path";

const app = Fastify();
await app.register(import("@fastify/static"), { root: resolve("public"), prefix: "/static/" });
await app.register(import("@fastify/multipart"));
await app.register(import("@fastify/websocket"));
await app.register(import("@fastify/cookie"));
await app.register(import("@fastify/session"), { secret: "a secret of at least thirty-two characters", cookie: { secure: false }, saveUninitialized: false });
app.get("/", { schema: { querystring: { type: "object", properties: { n: { type: "integer" } } } } }, async (req) => ({ n: req.query.n }));
app.post("/echo", async (req, reply) => reply.code(201).send(req.body));
app.post("/upload", async (req) => {
  const file = await req.file();
  return { name: file.filename, bytes: (await file.toBuffer()).length };
});
app.get("/visits", async (req) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  return { visits: req.session.visits };
});
app.get("/throws", async () => {
  throw new Error("refused");
});
app.get("/ws", { websocket: true }, (socket) => socket.on("message", (text) => socket.send("echo " + text)));
app.addHook("onClose", async () => appendFileSync(process.env.CLEANUP_FILE, "onClose\\n"));

await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => void app.close());
`,
  },
  requests: [
    get("/?n=1"),
    get("/?n=x", { status: 400, note: "invalid" }),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    post("/upload", { multipart: { file: { filename: "a.bin", content: Buffer.alloc(200_000, 7) } } }),
    get("/visits", { volatile: ["set-cookie"] }),
    get("/throws", { status: 500 }),
    get("/static/page.html", { volatile: ["last-modified"] }),
    get("/nowhere", { status: 404 }),
    socket("/ws", ["one", "two"]),
  ],
  exceptions: [{ check: "answers", shapes: ["model threads"], requests: ["WebSocket /ws"], why: UPGRADES }],
};

export default app;
