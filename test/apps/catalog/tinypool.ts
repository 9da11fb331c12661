import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "tinypool",
  group: "Threads and clients inside",
  about: "a pool of child processes in each copy",
  packages: { tinypool: "2.2.0", express: "5.3.0" },
  files: {
    "task.mjs": `
export default function fibonacci(n) {
  if (n < 0) throw new Error("refused");
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
`,
    "app.mjs": `
import express from "express";
import { appendFileSync } from "node:fs";

import Tinypool from "tinypool";

const pool = new Tinypool({ filename: new URL("task.mjs", import.meta.url).href, runtime: "child_process", maxThreads: 1, minThreads: 1 });
const run = (n) => pool.run(n);
const end = () => pool.destroy();

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
