import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "dotenv",
  group: "Preloads",
  about: "`--import dotenv/config`, with TZ",
  packages: { dotenv: "18.0.10" },
  nodeOptions: "--import dotenv/config",
  env: { DOTENV_CONFIG_QUIET: "true" },
  files: {
    ".env": 'TZ=Pacific/Auckland\nGREETING="hello\nworld"\n',
    "app.mjs": `
import { createServer } from "node:http";

const server = createServer((req, res) => {
  res.end(JSON.stringify({ greeting: process.env.GREETING, zone: process.env.TZ, date: new Date(0).toString() }));
}).listen(process.env.PORT);
${closesAtSigterm}`,
  },
  requests: [get("/", { has: "New Zealand" })],
};

export default app;
