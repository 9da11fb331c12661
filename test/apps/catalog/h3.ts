import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "h3",
  group: "Frameworks",
  packages: { h3: "2.0.8" },
  files: {
    "app.mjs": `
import { H3, HTTPError, readBody, redirect, serve, setCookie } from "h3";
import { appendFileSync } from "node:fs";

const app = new H3();
app.get("/", (event) => ({ hello: event.url.searchParams.get("name") }));
app.post("/echo", async (event) => {
  event.res.status = 201;
  return await readBody(event);
});
app.get("/cookie", (event) => {
  setCookie(event, "seen", "yes");
  return "set";
});
app.get("/old", () => redirect("/"));
app.get("/refused", () => {
  throw new HTTPError({ status: 403, message: "refused" });
});
app.get("/stream", () => new ReadableStream({
  start(controller) {
    for (let i = 0; i < 100; i++) controller.enqueue(new TextEncoder().encode("line " + i + "\\n"));
    controller.close();
  },
}));

const server = serve(app, { port: process.env.PORT, gracefulShutdown: false });
process.on("SIGTERM", async () => {
  await server.close(true);
  appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
  process.exit(0);
});
`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: [1, 2] }, status: 201 }),
    get("/cookie"),
    get("/old", { status: 302 }),
    get("/refused", { status: 403 }),
    get("/stream"),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
