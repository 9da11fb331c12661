import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "argon2",
  group: "Native add-ons",
  packages: { argon2: "0.45.1" },
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import argon2 from "argon2";

const hash = await argon2.hash("secret", { memoryCost: 1024, timeCost: 2 });
async function answer({ searchParams }) {
  return { body: { matches: await argon2.verify(hash, searchParams.get("password")) } };
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
  requests: [get("/?password=secret"), get("/?password=x")],
};

export default app;
