import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "feathers",
  group: "Frameworks",
  about: "on Koa; `teardown()` at SIGTERM",
  packages: { "@feathersjs/feathers": "5.0.50", "@feathersjs/koa": "5.0.50", "@feathersjs/errors": "5.0.50" },
  files: {
    "app.mjs": `
import { NotFound } from "@feathersjs/errors";
import { feathers } from "@feathersjs/feathers";
import { bodyParser, errorHandler, koa, parseAuthentication, rest } from "@feathersjs/koa";
import { appendFileSync } from "node:fs";

const app = koa(feathers());
app.use(errorHandler());
app.use(bodyParser());
app.configure(rest());
app.use("items", {
  find: async ({ query }) => [query],
  get: async (id) => {
    if (id === "0") throw new NotFound("no such item");
    return { id };
  },
  create: async (data) => data,
  teardown: async () => appendFileSync(process.env.CLEANUP_FILE, "teardown\\n"),
});
await app.listen(Number(process.env.PORT));
process.on("SIGTERM", async () => {
  await app.teardown();
  process.exit(0);
});
`,
  },
  requests: [
    get("/items?a=1"),
    get("/items/7"),
    get("/items/0", { status: 404 }),
    post("/items", { json: { a: [1, 2] }, status: 201 }),
  ],
};

export default app;
