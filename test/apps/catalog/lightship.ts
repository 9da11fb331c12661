import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "lightship",
  group: "Logging, metrics, ending",
  about: "a health server on a port of its own",
  packages: { lightship: "9.0.4", express: "5.3.0" },
  files: {
    "app.mjs": `
import express from "express";
import { createLightship } from "lightship";
import { appendFileSync } from "node:fs";

const app = express();
app.get("/", (req, res) => res.send("hello"));
const lightship = await createLightship({ port: 0, detectKubernetes: false, gracefulShutdownTimeout: 5000, shutdownDelay: 0 });
app.get("/health", async (req, res) => {
  const { port } = lightship.server.address();
  res.send(await (await fetch("http://127.0.0.1:" + port + "/health")).text());
});
const server = app.listen(process.env.PORT, () => lightship.signalReady());
lightship.registerShutdownHandler(() => {
  appendFileSync(process.env.CLEANUP_FILE, "shutdown handler\\n");
  server.close();
});
`,
  },
  requests: [get("/"), get("/health")],
};

export default app;
