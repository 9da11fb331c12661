import type { AppRecord } from "../record.ts";
import { get, post } from "../requests.ts";

const app: AppRecord = {
  name: "knex",
  group: "Databases and queues",
  about: "with SQLite, its pool is destroyed at SIGTERM",
  packages: { knex: "3.3.0", "better-sqlite3": "13.2.0", express: "5.3.0" },
  installScripts: ["better-sqlite3"],
  files: {
    "app.mjs": `
import express from "express";
import knex from "knex";
import { appendFileSync } from "node:fs";

const db = knex({ client: "better-sqlite3", connection: { filename: ":memory:" }, useNullAsDefault: true });
await db.schema.createTable("items", (table) => {
  table.increments("id");
  table.string("name");
});
const app = express();
app.use(express.json());
app.get("/", async (req, res) => res.json(await db("items").where("id", "<", 0)));
app.post("/", async (req, res) => {
  await db.transaction(async (trx) => {
    await trx("items").insert({ name: req.body.name });
    res.status(201).json(await trx("items").select("name").where({ name: req.body.name }).first());
  });
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
  requests: [get("/"), post("/", { json: { name: "a" }, status: 201 })],
};

export default app;
