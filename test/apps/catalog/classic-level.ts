import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "classic-level",
  group: "Native add-ons",
  packages: { "classic-level": "3.0.0" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";

const db = new ClassicLevel(mkdtempSync(join(tmpdir(), "level-")), { valueEncoding: "json" });
async function answer({ searchParams }) {
  await db.put("key", { value: searchParams.get("value") });
  return { body: await db.get("key") };
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
