import type { AppRecord } from "../record.ts";
import { get, post, send } from "../requests.ts";
import { closesAtSigterm } from "../snippets.ts";

const app: AppRecord = {
  name: "express-middleware",
  group: "Middleware and uploads",
  about: "helmet, cors, compression, morgan, http-errors, express-rate-limit",
  packages: {
    express: "5.3.0",
    helmet: "8.3.0",
    cors: "2.8.6",
    compression: "1.8.2",
    morgan: "1.12.1",
    "http-errors": "2.0.1",
    "express-rate-limit": "8.7.5",
  },
  files: {
    "app.mjs": `
import compression from "compression";
import cors from "cors";
import express from "express";
import { rateLimit } from "express-rate-limit";
import helmet from "helmet";
import createError from "http-errors";
import morgan from "morgan";

const app = express();
app.use(morgan("combined"), helmet(), cors({ origin: "https://shop.example", credentials: true }), compression());
app.use("/limited", rateLimit({ windowMs: 60_000, limit: 1000, legacyHeaders: true, standardHeaders: false }));
app.get("/", (req, res) => res.json({ ip: req.ip, secure: req.secure }));
app.get("/large", (req, res) => res.type("text/plain").send("a line\\n".repeat(10_000)));
app.get("/limited", (req, res) => res.send("ok"));
app.post("/raw", express.raw({ type: "*/*", limit: "600kb", inflate: true }), (req, res) => res.send(String(req.body.length)));
app.get("/gone", (req, res, next) => next(createError(410, "it has gone")));
app.use((error, req, res, next) => res.status(error.status ?? 500).json({ error: error.message }));
const server = app.listen(process.env.PORT, "127.0.0.1");
${closesAtSigterm}`,
  },
  requests: [
    get("/"),
    get("/large"),
    get("/large", { headers: { "accept-encoding": "gzip" }, note: "gzip" }),
    get("/large", { headers: { "accept-encoding": "br" }, note: "br" }),
    send("OPTIONS", "/", {
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
      status: 204,
    }),
    get("/limited", { volatile: ["x-ratelimit-reset", "x-ratelimit-remaining"] }),
    post("/raw", { bytes: Buffer.alloc(500_000) }),
    post("/raw", { bytes: Buffer.alloc(900_000), status: 413, note: "too large" }),
    get("/gone", { status: 410 }),
  ],
};

export default app;
