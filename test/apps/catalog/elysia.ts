import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "elysia",
  group: "Frameworks",
  about: "@elysiajs/node",
  packages: { elysia: "1.4.30", "@elysiajs/node": "1.4.5", "@sinclair/typebox": "0.34.41" },
  files: {
    "app.mjs": `
import { node } from "@elysiajs/node";
import { Elysia, t } from "elysia";
import { appendFileSync } from "node:fs";

const app = new Elysia({ adapter: node() })
  .get("/", ({ query }) => ({ hello: query.name }))
  .post("/echo", ({ body, set }) => {
    set.status = 201;
    return body;
  }, { body: t.Object({ a: t.Number() }) })
  .get("/refused", ({ status }) => status(403, "refused"))
  .listen(Number(process.env.PORT));

process.on("SIGTERM", () => {
  appendFileSync(process.env.CLEANUP_FILE, "sigterm\\n");
  process.exit(0);
});
`,
  },
  requests: [
    get("/?name=matrix"),
    post("/echo", { json: { a: 1 }, status: 201 }),
    post("/echo", { json: { a: "x" }, status: 422, note: "invalid" }),
    get("/refused", { status: 403 }),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
