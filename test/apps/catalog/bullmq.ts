import type { AppRecord } from "../record.ts";
import { get } from "../requests.ts";

const app: AppRecord = {
  name: "bullmq",
  group: "Databases and queues",
  about:
    "a queue and its worker in the process of an HTTP server, with Redis; a request waits for its job, also over the reload",
  packages: { bullmq: "6.7.0", ioredis: "6.0.0" },
  service: "redis",
  files: {
    "app.mjs": `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue, QueueEvents, Worker } from "bullmq";
import { Redis } from "ioredis";

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const queue = new Queue("letters", { connection });
const events = new QueueEvents("letters", { connection });
const worker = new Worker(
  "letters",
  async ({ data }) => {
    if (data.text === undefined) throw new Error("no text");
    await sleep(30);
    return data.text.toUpperCase();
  },
  { connection, concurrency: 4 },
);
await events.waitUntilReady();

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, "http://host");
  const text = searchParams.get("text") ?? undefined;
  try {
    if (pathname === "/later") {
      const jobs = Array.from({ length: 20 }, (_, i) => ({ name: "letter", data: { text: text + i } }));
      const added = await queue.addBulk(jobs);
      const results = await Promise.all(added.map((job) => job.waitUntilFinished(events, 10_000)));
      return res.end(results.join(" "));
    }
    const job = await queue.add("letter", { text });
    res.end(await job.waitUntilFinished(events, 10_000));
  } catch (error) {
    res.writeHead(500).end(error.message);
  }
});
server.listen(process.env.PORT);

process.on("SIGTERM", () => {
  server.close(async () => {
    // Waits for the jobs that it has begun, and takes no other one.
    await worker.close();
    await queue.close();
    await events.close();
    connection.disconnect();
    const active = worker.isRunning() ? "still running" : "closed";
    appendFileSync(process.env.CLEANUP_FILE, active + "\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [get("/?text=one"), get("/", { status: 500 }), get("/later?text=job")],
};

export default app;
