import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "kysely",
  group: "Databases and queues",
  about: "with SQLite, `destroy()` at SIGTERM",
  packages: { kysely: "0.29.9", "better-sqlite3": "13.2.0", koa: "3.3.0" },
  installScripts: ["better-sqlite3"],
  files: {
    "app.mjs": `
import Database from "better-sqlite3";
import Koa from "koa";
import { Kysely, SqliteDialect } from "kysely";
import { appendFileSync } from "node:fs";

const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(":memory:") }) });
await db.schema.createTable("items").addColumn("id", "integer", (column) => column.primaryKey()).addColumn("name", "text").execute();
await db.insertInto("items").values([{ name: "a" }, { name: "b" }]).execute();
const app = new Koa();
app.use(async (ctx) => {
  ctx.body = await db.selectFrom("items").selectAll().where("id", "=", Number(ctx.query.id)).execute();
});
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await db.destroy();
    appendFileSync(process.env.CLEANUP_FILE, "destroyed\\n");
  });
});
`,
  },
  requests: [get("/?id=2"), get("/?id=9")],
};

export default app;
