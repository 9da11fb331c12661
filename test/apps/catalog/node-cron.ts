import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";

const app: AppRecord = {
  name: "node-cron",
  group: "Logging, metrics, ending",
  about: "a job each second, stopped at SIGTERM",
  packages: { "node-cron": "4.6.0", express: "5.3.0" },
  files: {
    "app.mjs": `
import express from "express";
import cron from "node-cron";
import { appendFileSync } from "node:fs";

let runs = 0;
const job = cron.schedule("* * * * * *", () => void runs++);
const app = express();
app.get("/", (req, res) => res.send("hello"));
app.get("/has-run", (req, res) => res.json(runs > 0));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await job.destroy();
    appendFileSync(process.env.CLEANUP_FILE, "destroyed\\n");
  });
});
`,
  },
  requests: [
    get("/"),
    custom("the job runs", async ({ port }) => {
      for (let looks = 0; looks < 3000; looks++) {
        const answer = await fetch(`http://127.0.0.1:${port}/has-run`);
        if ((await answer.json()) as boolean) return true;
      }
      return false;
    }),
  ],
};

export default app;
