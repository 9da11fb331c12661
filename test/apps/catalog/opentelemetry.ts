import { randomBytes } from "node:crypto";
import type { AppRecord } from "../record.ts";
import { custom, get } from "../requests.ts";

const app: AppRecord = {
  name: "opentelemetry",
  group: "Logging, metrics, ending",
  about:
    "SDK with the instrumentations of http and Express, preloaded with `--import`; one server span for each request, with the caller as its parent",
  packages: {
    "@opentelemetry/sdk-node": "0.301.0",
    "@opentelemetry/sdk-trace": "3.1.0",
    "@opentelemetry/instrumentation-http": "0.301.0",
    "@opentelemetry/instrumentation-express": "0.72.0",
    "@opentelemetry/api": "1.10.0",
    express: "5.3.0",
  },
  main: "app.cjs",
  nodeOptions: "--import ./tracing.mjs",
  files: {
    "tracing.mjs": `
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import { appendFileSync } from "node:fs";

// One file for all copies: the request for the spans may reach another one.
const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { kind, name, parentSpanContext } = span;
      const { traceId } = span.spanContext();
      appendFileSync(process.env.CLEANUP_FILE + ".spans", JSON.stringify({ traceId, kind, name, parent: parentSpanContext?.spanId }) + "\\n");
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};
const sdk = new NodeSDK({
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
  metricReaders: [],
});
sdk.start();
process.on("SIGTERM", async () => {
  await sdk.shutdown();
  appendFileSync(process.env.CLEANUP_FILE, "sdk shut down\\n");
});
`,
    "app.cjs": `
const { trace } = require("@opentelemetry/api");
const express = require("express");
const { appendFileSync, existsSync, readFileSync } = require("node:fs");

const app = express();
app.get("/plain", (req, res) => res.send("plain"));
app.get("/", (req, res) => res.json({ active: trace.getActiveSpan()?.spanContext().traceId ?? null }));
app.get("/spans", (req, res) => {
  const file = process.env.CLEANUP_FILE + ".spans";
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\\n").filter(Boolean) : [];
  res.json(lines.map((line) => JSON.parse(line)).filter(({ traceId, kind }) => kind === 1 && traceId === req.query.trace));
});
const server = app.listen(process.env.PORT);
process.on("SIGTERM", () => {
  server.close(() => {
    appendFileSync(process.env.CLEANUP_FILE, "closed\\n");
    setTimeout(process.exit, 100, 0);
  });
});
`,
  },
  requests: [
    get("/plain"),
    get("/", {
      headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
      has: "0af7651916cd43dd8448eb211c80319c",
    }),
    custom("server spans of a request", async ({ port }) => {
      const trace = randomBytes(16).toString("hex");
      const url = `http://127.0.0.1:${port}`;
      await (await fetch(url, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } })).text();
      for (let [looks, before] = [0, 0]; looks < 300; looks++) {
        const spans = (await (await fetch(`${url}/spans?trace=${trace}`)).json()) as readonly Record<string, unknown>[];
        // All are there as soon as there are no more than at the last look.
        if (spans.length > 0 && spans.length === before) return spans.map(({ name, parent }) => ({ name, parent }));
        before = spans.length;
      }
      return "no span";
    }),
  ],
};

export default app;
