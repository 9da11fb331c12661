import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "http-terminator",
  group: "Logging, metrics, ending",
  packages: { "http-terminator": "3.2.0", express: "5.3.0" },
  files: {
    "app.mjs": `
import express from "express";
import { createHttpTerminator } from "http-terminator";
import { appendFileSync } from "node:fs";

const app = express();
app.get("/", (req, res) => res.send("hello"));
const server = app.listen(process.env.PORT);
const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 1000 });
process.on("SIGTERM", async () => {
  await terminator.terminate();
  appendFileSync(process.env.CLEANUP_FILE, "terminated\\n");
  process.exit(0);
});
`,
  },
  requests: [get("/")],
};

export default app;
