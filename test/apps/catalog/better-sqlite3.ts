import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "better-sqlite3",
  group: "Native add-ons",
  packages: { "better-sqlite3": "13.2.0" },
  installScripts: ["better-sqlite3"],
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import Database from "better-sqlite3";

const db = new Database(":memory:");
db.exec("create table items (id integer primary key, name text); insert into items (name) values ('a'), ('b')");
const byId = db.prepare("select * from items where id = ?");
function answer({ searchParams }) {
  if (searchParams.has("bad")) db.prepare("select nothing");
  return { body: byId.get(Number(searchParams.get("id"))) ?? null };
}
const server = createServer(async (req, res) => {
  try {
    const { type = "application/json", body } = await answer(new URL(req.url, "http://host"));
    res.writeHead(200, { "content-type": type });
    res.end(type === "application/json" ? JSON.stringify(body) : body);
  } catch (error) {
    res.writeHead(500).end(error.message);
  }
});
server.listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [get("/?id=2"), get("/?id=9"), get("/?bad", { status: 500 })],
};

export default app;
