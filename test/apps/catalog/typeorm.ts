import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "typeorm",
  group: "Databases and queues",
  about: "with SQLite as WebAssembly, `destroy()` at SIGTERM",
  packages: { typeorm: "1.1.1", "sql.js": "1.17.0", "reflect-metadata": "0.2.2", express: "5.3.0" },
  files: {
    "app.mjs": `
import "reflect-metadata";
import express from "express";
import { appendFileSync } from "node:fs";
import { DataSource, EntitySchema } from "typeorm";

const Item = new EntitySchema({
  name: "Item",
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } },
});
const db = new DataSource({ type: "sqljs", synchronize: true, entities: [Item] });
await db.initialize();
await db.getRepository(Item).save([{ name: "a" }, { name: "b" }]);
const app = express();
app.get("/:id", async (req, res) => res.json(await db.getRepository(Item).findBy({ id: Number(req.params.id) })));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await db.destroy();
    appendFileSync(process.env.CLEANUP_FILE, "destroyed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [get("/2"), get("/9")],
};

export default app;
