import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";

const app: AppRecord = {
  name: "sentry",
  group: "Logging, metrics, ending",
  about: "an event for an error in an Express handler, with its request; `Sentry.close()` at SIGTERM",
  packages: { "@sentry/node": "11.12.0", express: "5.3.0" },
  main: "app.cjs",
  nodeOptions: "--require ./instrument.cjs",
  files: {
    "instrument.cjs": `
const Sentry = require("@sentry/node");
const { appendFileSync } = require("node:fs");

Sentry.init({
  dsn: "http://key@127.0.0.1:9/1",
  tracesSampleRate: 1,
  transport: () => ({ send: async () => ({}), flush: async () => true }),
  beforeSend(event) {
    const { exception, request, transaction } = event;
    const told = { error: exception.values[0].value, url: request?.url, transaction };
    appendFileSync(process.env.CLEANUP_FILE + ".events", JSON.stringify(told) + "\\n");
    return event;
  },
});
`,
    "app.cjs": `
const Sentry = require("@sentry/node");
const express = require("express");
const { appendFileSync, readFileSync, existsSync } = require("node:fs");

const app = express();
app.get("/", (req, res) => res.send("hello"));
app.get("/throws/:id", (req) => {
  throw new Error("refused " + req.params.id);
});
app.get("/events", (req, res) => {
  const file = process.env.CLEANUP_FILE + ".events";
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\\n").filter(Boolean) : [];
  res.json(lines.map((line) => JSON.parse(line)).filter(({ error }) => error === "refused " + req.query.id));
});
Sentry.setupExpressErrorHandler(app);
app.use((error, req, res, next) => res.status(500).send("failed"));
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(async () => {
    await Sentry.close(1000);
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    process.exit(0);
  });
});
`,
  },
  requests: [
    get("/"),
    get("/throws/1", { status: 500 }),
    custom("the event of an error", async ({ port }) => {
      const id = String(Math.random());
      const url = `http://127.0.0.1:${port}`;
      await (await fetch(`${url}/throws/${id}`)).text();
      for (let looks = 0; looks < 300; looks++) {
        const events = (await (await fetch(`${url}/events?id=${id}`)).json()) as readonly Record<string, unknown>[];
        if (events.length > 0) return events.map(({ transaction, url: of }) => [transaction, typeof of]);
      }
      return "no event";
    }),
  ],
};

export default app;
