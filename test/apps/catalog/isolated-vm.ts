import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "isolated-vm",
  group: "Native add-ons",
  packages: { "isolated-vm": "7.0.1" },
  installScripts: ["isolated-vm"],
  files: {
    "app.mjs": `
import { createServer } from "node:http";

import ivm from "isolated-vm";

async function answer({ searchParams }) {
  const isolate = new ivm.Isolate({ memoryLimit: 32 });
  try {
    const context = await isolate.createContext();
    return { body: await context.eval(searchParams.get("code"), { timeout: 1000 }) };
  } finally {
    isolate.dispose();
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
  requests: [get("/?code=6*7"), get("/?code=nothing", { status: 500 })],
};

export default app;
