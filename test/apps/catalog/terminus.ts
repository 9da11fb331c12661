import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "terminus",
  group: "Logging, metrics, ending",
  about: "@godaddy/terminus: health checks, onSignal, onShutdown",
  packages: { "@godaddy/terminus": "4.12.1", express: "5.3.0" },
  files: {
    "app.mjs": `
import { createTerminus } from "@godaddy/terminus";
import express from "express";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const app = express();
app.get("/", (req, res) => res.send("hello"));
const server = createServer(app);
const write = (text) => appendFileSync(process.env.CLEANUP_FILE, text + "\\n");
createTerminus(server, {
  signal: "SIGTERM",
  healthChecks: { "/healthcheck": async () => ({ database: "up" }) },
  onSignal: async () => write("onSignal"),
  onShutdown: async () => write("onShutdown"),
});
server.listen(process.env.PORT);
`,
  },
  requests: [get("/"), get("/healthcheck")],
};

export default app;
