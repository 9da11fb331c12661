import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "drizzle",
  group: "Databases and queues",
  about: "with SQLite",
  packages: { "drizzle-orm": "0.45.4", "better-sqlite3": "13.2.0", hono: "4.13.19", "@hono/node-server": "2.1.9" },
  installScripts: ["better-sqlite3"],
  files: {
    "app.mjs": `
import { serve } from "@hono/node-server";
import Database from "better-sqlite3";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { Hono } from "hono";

const items = sqliteTable("items", { id: integer("id").primaryKey(), name: text("name") });
const client = new Database(":memory:");
client.exec("create table items (id integer primary key, name text)");
const db = drizzle(client);
await db.insert(items).values([{ name: "a" }, { name: "b" }]);
const app = new Hono();
app.get("/:id", async (c) => c.json(await db.select().from(items).where(eq(items.id, Number(c.req.param("id"))))));
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT) });
${closesAtSigterm}`,
  },
  requests: [get("/2"), get("/9")],
};

export default app;
