import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "duckdb",
  group: "Native add-ons",
  packages: { "@duckdb/node-api": "1.5.6-r.1" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(":memory:");
async function answer({ searchParams }) {
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(searchParams.get("sql"));
    return { body: reader.getRowsJson() };
  } finally {
    connection.closeSync();
  }
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
  requests: [get("/?sql=select+42+as+answer"), get("/?sql=select+nothing", { status: 500 })],
};

export default app;
