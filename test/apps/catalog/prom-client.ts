import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "prom-client",
  group: "Logging, metrics, ending",
  about: "default metrics, and a port of its own for them",
  packages: { "prom-client": "15.1.3", express: "5.3.0" },
  files: {
    "app.mjs": `
import express from "express";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import client from "prom-client";

client.collectDefaultMetrics();
const served = new client.Counter({ name: "served_total", help: "Requests" });
const app = express();
app.get("/", (req, res) => {
  served.inc();
  res.send("hello");
});
app.get("/metrics", async (req, res) => res.type(client.register.contentType).send(await client.register.metrics()));
// The port that is asked here is this copy's.
app.get("/other", async (req, res) => {
  const { port } = metrics.address();
  const text = await (await fetch("http://127.0.0.1:" + port)).text();
  res.send(text.split("\\n").filter((line) => line.startsWith("# TYPE")).join("\\n"));
});
const server = app.listen(process.env.PORT);
const metrics = createServer(async (req, res) => res.end(await client.register.metrics())).listen(0, "127.0.0.1");
process.on("SIGTERM", () => {
  metrics.close();
  metrics.closeIdleConnections();
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [
    get("/"),
    get("/metrics", { has: "nodejs_eventloop_lag_seconds", mask: /[^]+/ }),
    get("/other", { has: "served_total", mask: /^# TYPE nodejs_active.*\n|^# TYPE nodejs_gc.*\n/m }),
  ],
};

export default app;
