import { events, get, post } from "../requests.ts";
import type { AppRecord } from "../record.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "hono",
  group: "Frameworks",
  about: "@hono/node-server",
  packages: { hono: "4.13.19", "@hono/node-server": "2.1.9" },
  files: {
    "public/page.html": "<!doctype html><title>A page</title>\n",
    "app.mjs": `
import { serve } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";
import { setCookie } from "hono/cookie";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { streamSSE } from "hono/streaming";

const app = new Hono();
app.use("/static/*", serveStatic({ root: "./public", rewriteRequestPath: (path) => path.replace("/static", "") }));
app.get("/", etag(), (c) => c.json({ hello: c.req.query("name") ?? "world" }));
app.post("/echo", async (c) => c.json(await c.req.json(), 201));
app.post("/form", async (c) => c.json(await c.req.parseBody()));
app.get("/cookie", (c) => {
  setCookie(c, "a", "1", { httpOnly: true });
  setCookie(c, "b", "2");
  return c.text("set");
});
app.get("/events", (c) =>
  streamSSE(c, async (stream) => {
    for (let id = 0; id < 3; id++) await stream.writeSSE({ data: "event " + id, id: String(id) });
  }),
);
app.get("/refused", () => {
  throw new HTTPException(403, { message: "refused" });
});
app.get("/throws", () => {
  throw new Error("internal");
});

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT) });
${closesAtSigterm}`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    post("/form", { form: { a: "1" } }),
    get("/cookie"),
    events("/events", 3),
    get("/refused", { status: 403 }),
    get("/throws", { status: 500 }),
    get("/static/page.html"),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
