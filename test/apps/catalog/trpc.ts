import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "trpc",
  group: "APIs and GraphQL",
  about: "standalone adapter, with batches and a subscription over server-sent events",
  packages: { "@trpc/server": "11.25.2", zod: "4.6.7" },
  files: {
    "app.mjs": `
import { initTRPC, TRPCError } from "@trpc/server";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import { appendFileSync } from "node:fs";
import { z } from "zod";

const t = initTRPC.create({ isDev: false });
const router = t.router({
  hello: t.procedure.input(z.string()).query(({ input }) => "hello " + input),
  add: t.procedure.input(z.object({ a: z.number(), b: z.number() })).mutation(({ input }) => input.a + input.b),
  refused: t.procedure.query(() => {
    throw new TRPCError({ code: "FORBIDDEN", message: "refused" });
  }),
  count: t.procedure.subscription(async function* () {
    for (let i = 0; i < 3; i++) yield i;
  }),
});
const server = createHTTPServer({ router });
server.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [
    get("/hello?input=%22matrix%22"),
    get("/hello,hello?batch=1&input=%7B%220%22%3A%22a%22%2C%221%22%3A%22b%22%7D", { note: "batch" }),
    post("/add", { json: { a: 1, b: 2 } }),
    post("/add", { json: { a: "x" }, status: 400, note: "invalid" }),
    get("/refused", { status: 403 }),
    get("/count"),
    get("/nowhere", { status: 404 }),
  ],
};

export default app;
