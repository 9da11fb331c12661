// Express with what every copy of the app must agree on: rate limits, sessions and a cache. All of it is in `heddle/shared`.

import express, { type Express } from "express";
import { rateLimit } from "express-rate-limit";
import session from "express-session";
import { setTimeout as sleep } from "node:timers/promises";
import { namespace } from "../../src/shared/index.ts"; // in your project: from "heddle/shared"
import { SharedRateLimitStore } from "./rate-limit-store.ts";
import { SharedSessionStore } from "./session-store.ts";

declare module "express-session" {
  interface SessionData {
    visits: number;
  }
}

const app: Express = express();

const limiter = rateLimit({
  windowMs: 60_000,
  limit: 10,
  standardHeaders: "draft-8",
  legacyHeaders: false,
  store: new SharedRateLimitStore("login"),
});

app.post("/login", limiter, (_req, res) => {
  res.send("welcome\n");
});

const sessions = session({
  secret: process.env["SESSION_SECRET"] ?? "only for this example",
  resave: false,
  saveUninitialized: false,
  store: new SharedSessionStore("sessions"),
});

app.get("/visits", sessions, (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.send(`visit ${req.session.visits}\n`);
});

const reports = namespace("reports");

// However many requests come at once, one copy of the app makes the report. It serves all copies for a minute.
app.get("/report/:id", ({ params: { id } }, res, next) => {
  reports.getOrSet(id, () => makeReport(id), { ttlMs: 60_000 }).then((report) => res.json(report), next);
});

async function makeReport(id: string): Promise<{ readonly id: string; readonly made: number }> {
  await sleep(200);
  const { value } = await namespace("counters").increment("reports made");
  return { id, made: value };
}

export default app;
