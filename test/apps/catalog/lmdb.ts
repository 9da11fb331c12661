import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "lmdb",
  group: "Native add-ons",
  packages: { lmdb: "3.5.6" },
  installScripts: ["lmdb"],
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import { open } from "lmdb";

const db = open({ path: "data.mdb" });
async function answer({ searchParams }) {
  await db.put("key", { value: searchParams.get("value") });
  return { body: db.get("key") };
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
  requests: [get("/?value=one")],
};

export default app;
