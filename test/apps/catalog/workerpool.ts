import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "workerpool",
  group: "Threads and clients inside",
  about: "a pool of threads in each copy",
  packages: { workerpool: "10.0.3", express: "5.3.0" },
  files: {
    "task.mjs": `
import workerpool from "workerpool";

function fibonacci(n) {
  if (n < 0) throw new Error("refused");
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
workerpool.worker({ fibonacci });
`,
    "app.mjs": `
import express from "express";
import { appendFileSync } from "node:fs";

import { fileURLToPath } from "node:url";
import workerpool from "workerpool";

const pool = workerpool.pool(fileURLToPath(new URL("task.mjs", import.meta.url)), { maxWorkers: 2, workerType: "thread" });
const run = (n) => pool.exec("fibonacci", [n]);
const end = () => pool.terminate();

const app = express();
app.get("/:n", async (req, res) => res.json({ fibonacci: await run(Number(req.params.n)) }));
app.use((error, req, res, next) => res.status(500).send(error.message));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await end();
    appendFileSync(process.env.CLEANUP_FILE, "threads ended\\n");
  });
});
`,
  },
  requests: [get("/10"), get("/20"), get("/-1", { status: 500 })],
};

export default app;
