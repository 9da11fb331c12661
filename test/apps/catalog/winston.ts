import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "winston",
  group: "Logging, metrics, ending",
  about: "`end()` and its `finish` event at SIGTERM",
  packages: { winston: "3.19.0", express: "5.3.0" },
  files: {
    "app.mjs": `
import express from "express";
import { appendFileSync, readFileSync } from "node:fs";
import winston from "winston";

const file = process.env.CLEANUP_FILE + ".log-" + process.pid + "-" + Math.random();
const log = winston.createLogger({
  transports: [new winston.transports.Console(), new winston.transports.File({ filename: file })],
});
const app = express();
app.get("/", (req, res) => {
  log.info("request", { path: req.path });
  res.send("hello");
});
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(() => {
    log.info("the end");
    log.transports[1].once("finish", () => {
      appendFileSync(process.env.CLEANUP_FILE, "finished\\n");
      if (readFileSync(file, "utf8").includes("the end")) appendFileSync(process.env.CLEANUP_FILE, "written\\n");
      process.exit(0);
    });
    log.end();
  });
});
`,
  },
  requests: [get("/")],
};

export default app;
