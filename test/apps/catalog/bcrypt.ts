import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "bcrypt",
  group: "Native add-ons",
  packages: { bcrypt: "6.0.0" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import bcrypt from "bcrypt";

const hash = bcrypt.hashSync("secret", 4);
async function answer({ searchParams }) {
  return { body: { matches: await bcrypt.compare(searchParams.get("password"), hash) } };
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
  requests: [get("/?password=secret"), get("/?password=x"), get("/", { status: 500, note: "no password" })],
};

export default app;
