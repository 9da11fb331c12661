import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "sequelize",
  group: "Databases and queues",
  about: "with SQLite",
  packages: { sequelize: "6.37.8", sqlite3: "6.0.1", express: "5.3.0" },
  installScripts: ["sqlite3"],
  files: {
    "app.mjs": `
import express from "express";
import { appendFileSync } from "node:fs";
import { DataTypes, Sequelize } from "sequelize";

const db = new Sequelize({ dialect: "sqlite", storage: ":memory:", logging: false });
const Item = db.define("Item", { name: DataTypes.STRING }, { timestamps: false });
await db.sync();
await Item.bulkCreate([{ name: "a" }, { name: "b" }]);
const app = express();
app.get("/:id", async (req, res) => res.json(await Item.findByPk(req.params.id)));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await db.close();
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
  });
});
`,
  },
  requests: [get("/2"), get("/9")],
};

export default app;
